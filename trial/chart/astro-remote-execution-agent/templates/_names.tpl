{{/* Names, labels and service accounts: what every object of the release has in common. */}}

{{- define "agent.selector" -}}
app: astro-agent
component: {{ .component }}
app.kubernetes.io/instance: {{ .name }}
{{- end -}}

{{/* Labels of a Pod: no chart version here, so that only a changed Pod rolls. */}}
{{- define "agent.podLabels" -}}
{{- $selector := include "agent.selector" . | fromYaml -}}
{{- merge $selector (.root.Values.labels | default dict) | toYaml -}}
{{- end -}}

{{/* metadata of any object. Takes: root, name, component; annotations (a map) when it has more than the common ones. */}}
{{- define "agent.metadata" -}}
{{- $own := dict "app" "astro-agent" "component" .component "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version) -}}
name: {{ .name }}
{{- if not .clusterScoped }}
namespace: {{ .root.Values.namespace }}
{{- end }}
labels:
  {{- merge $own (.root.Values.labels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
The service account of a component, as JSON {name, create, annotations}.
Takes: root; kind (key under .Values.serviceAccount); name (of the Deployment); own (a worker's serviceAccount block).
*/}}
{{- define "agent.serviceAccount" -}}
{{- $all := .root.Values.serviceAccount | default dict -}}
{{- $shared := get $all .kind | default dict -}}
{{- $own := .own | default dict -}}
{{- $create := true -}}
{{- if hasKey $shared "create" }}{{ $create = $shared.create }}{{ end -}}
{{- if hasKey $own "create" }}{{ $create = $own.create }}{{ end -}}
{{- $name := $own.name | default $shared.name | default (ternary .name "default" $create) -}}
{{- $annotations := merge (dict) ($own.annotations | default dict) ($shared.annotations | default dict) ($all.annotations | default dict) -}}
{{- dict "name" $name "create" $create "annotations" $annotations | toJson -}}
{{- end -}}
