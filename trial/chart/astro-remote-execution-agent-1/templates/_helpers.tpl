{{- define "agent1.metadata" -}}
name: {{ .name }}
{{- if not .clusterScoped }}
namespace: {{ .root.Values.namespace }}
{{- end }}
labels:
  {{- merge (dict "app" "astro-agent" "component" .component "app.kubernetes.io/managed-by" .root.Release.Service) (.root.Values.labels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "agent1.accountName" -}}
{{- .account.name | default (ternary .name "default" (dig "create" true .account)) -}}
{{- end -}}

{{/* Takes: root, values (the component), extra (list of variables). */}}
{{- define "agent1.env" -}}
{{- $v := .root.Values -}}
{{- $plain := dict "ASTRO_AGENT_CLIENT_API_URL" $v.astroDeploymentAPIURL "ASTRO_AGENT_CLIENT_LOG_LEVEL" $v.logLevel -}}
{{- $_ := set $plain "AIRFLOW__SECRETS__BACKEND" $v.secretBackend -}}
{{- $_ := set $plain "AIRFLOW__CORE__XCOM_BACKEND" $v.xcomBackend -}}
{{- $_ := set $plain "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" $v.dagBundleConfigList -}}
{{- $_ := set $plain "OPENLINEAGE_DISABLED" (ternary "False" "True" $v.openLineage.enabled) -}}
{{- if $v.openLineage.enabled -}}
{{- $_ := set $plain "OPENLINEAGE_NAMESPACE" $v.openLineage.namespace -}}
{{- $_ := set $plain "OPENLINEAGE_URL" $v.openLineage.url -}}
{{- end -}}
{{- range $name, $value := $plain }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if or $v.agentTokenSecretName $v.agentToken }}
- name: ASTRO_AGENT_CLIENT_API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $v.agentTokenSecretName | default "agent-token-secret" }}
      key: token
{{- end }}
{{- if and $v.openLineage.enabled (or $v.openLineage.apiKeySecret $v.openLineage.apiKey) }}
- name: OPENLINEAGE_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ $v.openLineage.apiKeySecret | default "openlineage-api-key-secret" }}
      key: api-key
{{- end }}
{{- range $name, $value := .extra }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with concat ($v.commonEnv | default list) (.values.env | default list) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent1.probe" -}}
httpGet: {path: /healthz, port: 39091}
initialDelaySeconds: 5
periodSeconds: 5
failureThreshold: 3
successThreshold: 1
timeoutSeconds: 5
{{- end -}}

{{/* Takes: root, name, component, values, account, extra; replicas, gracePeriod, sidecar where it has them. */}}
{{- define "agent1.deployment" -}}
{{- $v := .root.Values -}}
{{- $own := .values -}}
{{- $selector := dict "app" "astro-agent" "component" .component "app.kubernetes.io/instance" .name -}}
{{- $sidecar := and .sidecar $v.loggingSidecar.enabled -}}
{{- $config := and $sidecar $v.loggingSidecar.config -}}
{{- if $sidecar -}}
{{- $names := list -}}
{{- range $own.volumes }}{{ $names = append $names .name }}{{ end -}}
{{- if not (has "task-logs" $names) -}}
{{- fail (printf "loggingSidecar.enabled needs the volume task-logs, which %s does not have" .name) -}}
{{- end -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "agent1.metadata" (dict "root" .root "name" .name "component" .component) | nindent 2 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas | int }}
  {{- end }}
  selector:
    matchLabels:
      {{- toYaml $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- merge (dict) $selector ($v.labels | default dict) | toYaml | nindent 8 }}
      {{- with $v.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "agent1.accountName" . }}
      imagePullSecrets:
        - name: {{ $v.imagePullSecretName | default "image-pull-secret" }}
      {{- if hasKey . "gracePeriod" }}
      terminationGracePeriodSeconds: {{ .gracePeriod | int }}
      {{- end }}
      {{- with $own.podSecurityContext | default $v.podSecurityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ $own.image }}
          args: [{{ .component | quote }}]
          env:
            {{- include "agent1.env" . | trim | nindent 12 }}
          ports:
            - {name: health, containerPort: 39091}
          livenessProbe:
            {{- $own.livenessProbe | default (include "agent1.probe" . | fromYaml) | toYaml | nindent 12 }}
          readinessProbe:
            {{- $own.readinessProbe | default (include "agent1.probe" . | fromYaml) | toYaml | nindent 12 }}
          {{- with $own.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $own.containerSecurityContext | default $v.containerSecurityContext }}
          securityContext:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $own.volumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- if $sidecar }}
        {{- $mounts := $v.loggingSidecar.volumeMounts | default list }}
        {{- if $config }}{{ $mounts = append $mounts (dict "name" "logging-sidecar-config" "mountPath" "/etc/vector") }}{{ end }}
        - name: {{ $v.loggingSidecar.name }}
          image: {{ $v.loggingSidecar.image }}
          {{- range $key := list "env" "resources" "securityContext" }}
          {{- with get $v.loggingSidecar $key }}
          {{ $key }}:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- end }}
          {{- with $mounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- end }}
        {{- with $own.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $volumes := $own.volumes | default list }}
      {{- if $config }}
      {{- $volumes = append $volumes (dict "name" "logging-sidecar-config" "configMap" (dict "name" (printf "%s-cm" $v.loggingSidecar.name))) }}
      {{- end }}
      {{- with $volumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
