{{- define "kernel-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kernel-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "kernel-exporter.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kernel-exporter.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kernel-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kernel-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kernel-exporter.image" -}}
{{- $image := .Values.image }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "kernel-exporter.selector" -}}
app.kubernetes.io/name: {{ include "kernel-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kernel-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "kernel-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: kernel-exporter
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The host in the config's `listen`; none where the node's address is a matter of the command line. */ -}}
{{- define "kernel-exporter.host" -}}
{{- if .Values.listen.host }}{{ .Values.listen.host }}{{ else if eq .Values.listen.at "pod" }}0.0.0.0{{ end }}
{{- end }}

{{- /* What both kinds of monitors say of the port, given the monitor's values and the root. */ -}}
{{- define "kernel-exporter.endpoint" -}}
{{- $monitor := .monitor -}}
port: metrics
scheme: {{ default (ternary "https" "http" (ne .root.Values.web.secret "")) $monitor.scheme }}
# The labels namespace, pod and container say what was measured. Without this, Prometheus puts those of the exporter's
# own pod in their place, and calls ours exported_namespace and so on.
honorLabels: true
{{- with $monitor.interval }}
interval: {{ . }}
{{- end }}
{{- with $monitor.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with $monitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $monitor.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
relabelings:
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
  # What is no pod's, such as a systemd unit's, is not to seem to be that of the exporter's own pod.
  - regex: pod|container|namespace|service|endpoint
    action: labeldrop
  {{- with $monitor.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What they say of all targets. */ -}}
{{- define "kernel-exporter.monitor" -}}
selector:
  matchLabels:
    {{- include "kernel-exporter.selector" .root | nindent 4 }}
{{- if .monitor.nativeHistograms }}
scrapeNativeHistograms: true
{{- end }}
{{- if .monitor.classicHistograms }}
scrapeClassicHistograms: true
{{- end }}
{{- if .monitor.sampleLimit }}
sampleLimit: {{ int .monitor.sampleLimit }}
{{- end }}
{{- end }}
