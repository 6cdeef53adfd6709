# What came between two scrapes in Prometheus' text format: a row for each value of some labels, a column per figure.
#
#   awk -v by='unit cgroup' -v columns='HEADING=FIGURE:METRIC[:LABEL=VALUE] ...' -v from=SECONDS -v to=SECONDS \
#     -f figures.awk BEFORE AFTER
#
# FIGURE is `rate`, an increase per second, or `p50` or `p99` of a histogram, in milliseconds, by its classic buckets and as
# PromQL's histogram_quantile has it. A row is the labels' values, one or several with slashes between, then the figures, with
# tabs between, `-` for what did not happen. Where nothing happened at all there is no row.

function label(name,    found) { # of the labels of this line; the comma is one before the first, too
  if (!match(labels, "[{,]" name "=\"([^\"\\\\]|\\\\.)*\"")) return ""
  found = substr(labels, RSTART, RLENGTH)
  return substr(found, length(name) + 4, RLENGTH - length(name) - 4)
}

function row_name(    i, value, joined) {
  for (i = 1; i <= kinds; i++) {
    value = label(kind[i])
    if (value != "") joined = joined (joined == "" ? "" : "/") value
  }
  return joined == "" ? "(all)" : joined
}

function quantile(column, row, part,    total, rank, i, below, count, lower) {
  total = grown[column, row, "+Inf"]
  if (total <= 0) return -1
  rank = part * total
  for (i = 1; i <= bounds; i++) {
    count = grown[column, row, bound[i]]
    if (count >= rank && count > below)
      return lower + (bound[i] - lower) * (rank - below) / (count - below)
    below = count
    lower = bound[i]
  }
  return lower
}

function written(number) {
  return number < 0.001 ? "<0.001" : sprintf(number >= 100 ? "%.0f" : number >= 10 ? "%.1f" : number >= 1 ? "%.2f" : "%.3f", number)
}

BEGIN {
  kinds = split(by, kind, " ")
  count_of_columns = split(columns, column, " ")
  for (i = 1; i <= count_of_columns; i++) {
    sub(/^[^=]*=/, "", column[i])
    split(column[i], part, ":")
    figure[i] = part[1]
    metric[i] = part[2] (figure[i] == "rate" ? "" : "_bucket")
    asked[metric[i]]
    if (part[3] == "") continue
    filter[i] = substr(part[3], 1, index(part[3], "=") - 1)
    wanted[i] = substr(part[3], index(part[3], "=") + 1)
  }
}

/^#/ { next }
{
  name = $0
  sub(/[{ ].*/, "", name)
  if (!(name in asked)) next
  labels = $0
  sub(/^[^{ ]*/, "", labels)
  sign = FILENAME == ARGV[1] ? -1 : 1
  row = row_name()
  seen[row]
  le = label("le")
  if (le != "" && le != "+Inf" && !(le in known)) { known[le]; bound[++bounds] = le }
  for (i = 1; i <= count_of_columns; i++)
    if (metric[i] == name && (filter[i] == "" || label(filter[i]) == wanted[i])) grown[i, row, le] += sign * $NF
}

END {
  for (i = 2; i <= bounds; i++) # by size, as it is a few dozen
    for (j = i; j > 1 && bound[j - 1] + 0 > bound[j] + 0; j--) { swap = bound[j]; bound[j] = bound[j - 1]; bound[j - 1] = swap }
  for (row in seen) {
    line = ""
    happened = 0
    for (i = 1; i <= count_of_columns; i++) {
      if (figure[i] == "rate") value = grown[i, row, ""] / (to - from)
      else value = 1000 * quantile(i, row, figure[i] == "p50" ? 0.5 : 0.99)
      if (value > 0) happened = 1
      line = line "\t" (value > 0 ? written(value) : "-")
    }
    if (happened) print row line
  }
}
