{{/* Environment of workers, Dag processor and triggerer. Takes: root; values (the component); extra (YAML list) for its own variables. */}}
{{- define "agent.env" -}}
{{- $v := .root.Values -}}
- name: ASTRO_AGENT_CLIENT_API_URL
  value: {{ $v.astroDeploymentAPIURL | quote }}
{{- if or $v.agentTokenSecretName $v.agentToken }}
- name: ASTRO_AGENT_CLIENT_API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $v.agentTokenSecretName | default "agent-token-secret" }}
      key: token
{{- else if $v.agentTokenFile }}
- name: ASTRO_AGENT_CLIENT_API_TOKEN_FILE
  value: {{ $v.agentTokenFile | quote }}
{{- end }}
- name: ASTRO_AGENT_CLIENT_LOG_LEVEL
  value: {{ $v.logLevel | quote }}
- name: AIRFLOW__SECRETS__BACKEND
  value: {{ $v.secretBackend | quote }}
- name: AIRFLOW__CORE__XCOM_BACKEND
  value: {{ $v.xcomBackend | quote }}
{{- with $v.stateStoreBackend }}
- name: AIRFLOW__WORKERS__STATE_STORE_BACKEND
  value: {{ . | quote }}
{{- end }}
- name: AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST
  value: {{ include "agent.bundleList" .root | quote }}
{{- include "agent.openLineageEnv" $v.openLineage }}
{{- with .extra }}
{{ . }}
{{- end }}
{{- with $v.commonEnv }}
{{ toYaml . }}
{{- end }}
{{- with .values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent.bundleList" -}}
{{- range fromJsonArray .Values.dagBundleConfigList -}}
{{- if not (kindIs "map" .) -}}
{{- fail (printf "dagBundleConfigList is not a JSON list of bundles: %v" .) -}}
{{- end -}}
{{- end -}}
{{- .Values.dagBundleConfigList -}}
{{- end -}}

{{- define "agent.openLineageEnv" }}
{{- if .enabled }}
- name: OPENLINEAGE_DISABLED
  value: "False"
{{- if or .apiKeySecret .apiKey }}
- name: OPENLINEAGE_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .apiKeySecret | default "openlineage-api-key-secret" }}
      key: api-key
{{- end }}
{{- with .namespace }}
- name: OPENLINEAGE_NAMESPACE
  value: {{ . | quote }}
{{- end }}
- name: OPENLINEAGE_URL
  value: {{ .url | quote }}
{{- with .endpoint }}
- name: OPENLINEAGE_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .facetsEnvironmentVariables }}
- name: OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES
  value: {{ . | toJson | quote }}
{{- end }}
{{- else }}
- name: OPENLINEAGE_DISABLED
  value: "True"
{{- end }}
{{- end -}}

{{/* Environment of the sentinel: neither the agents' commonEnv nor their token. */}}
{{- define "agent.sentinelEnv" -}}
{{- $v := .Values -}}
- name: ASTRO_SENTINEL_API_URL
  value: {{ $v.astroDeploymentAPIURL | quote }}
- name: ASTRO_SENTINEL_NAMESPACE
  value: {{ $v.namespace | quote }}
- name: ASTRO_SENTINEL_PORT
  value: {{ $v.sentinel.port | int | quote }}
{{- if $v.sentinelAuthSecretFile }}
- name: ASTRO_SENTINEL_AUTH_SECRET_FILE
  value: {{ $v.sentinelAuthSecretFile | quote }}
{{- else }}
- name: ASTRO_SENTINEL_AUTH_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $v.sentinelAuthSecretName | default "sentinel-auth-secret" }}
      key: secret
{{- end }}
{{- with $v.sentinel.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}
