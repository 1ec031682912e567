{{/*
A Deployment of one component. Takes:
  root; name; component (label, container name and argument of the image's entrypoint); values (the component's block);
  serviceAccountName; env (YAML list); ports, livenessProbe, readinessProbe, resources (maps or lists);
  replicas, unless an autoscaler owns it; gracePeriod (seconds), sidecar (bool), volumes, volumeMounts when it has them.
*/}}
{{- define "agent.deployment" -}}
{{- $v := .root.Values -}}
{{- $own := .values -}}
{{- $sidecar := and .sidecar $v.loggingSidecar.enabled -}}
{{- $sidecarConfig := and $sidecar $v.loggingSidecar.config -}}
{{- $volumes := concat ($own.volumes | default list) (.volumes | default list) -}}
{{- $mounts := concat ($own.volumeMounts | default list) (.volumeMounts | default list) -}}
{{- if $sidecar -}}
{{- $names := list -}}
{{- range $volumes }}{{ $names = append $names .name }}{{ end -}}
{{- if not (has "task-logs" $names) -}}
{{- fail (printf "loggingSidecar.enabled needs the volume task-logs, which %s does not have" .name) -}}
{{- end -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "agent.metadata" (dict "root" .root "name" .name "component" .component) | nindent 2 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas | int }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "agent.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "agent.podLabels" . | nindent 8 }}
      {{- with $v.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ .serviceAccountName }}
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
      {{- with $own.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ $own.image | default $v.image }}
          imagePullPolicy: {{ $own.imagePullPolicy | default $v.imagePullPolicy }}
          {{- /* No command: the image's entrypoint stays, its init reaps what tasks leave behind. */}}
          args: [{{ .component | quote }}]
          env:
            {{- .env | nindent 12 }}
          ports:
            {{- toYaml .ports | nindent 12 }}
          livenessProbe:
            {{- toYaml .livenessProbe | nindent 12 }}
          readinessProbe:
            {{- toYaml .readinessProbe | nindent 12 }}
          resources:
            {{- toYaml .resources | nindent 12 }}
          {{- with $own.containerSecurityContext | default $v.containerSecurityContext }}
          securityContext:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $mounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- if $sidecar }}
        {{- include "agent.loggingSidecar" $v.loggingSidecar | nindent 8 }}
        {{- end }}
        {{- with $own.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or $volumes $sidecarConfig }}
      volumes:
        {{- with $volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if $sidecarConfig }}
        - name: {{ $v.loggingSidecar.name }}-config
          configMap:
            name: {{ $v.loggingSidecar.name }}-cm
        {{- end }}
      {{- end }}
{{- end -}}

{{- define "agent.loggingSidecar" -}}
- name: {{ .name }}
  image: {{ .image }}
  imagePullPolicy: {{ .imagePullPolicy }}
  {{- with .preStopSleepSeconds }}
  lifecycle:
    preStop:
      sleep:
        seconds: {{ . | int }}
  {{- end }}
  {{- with .env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if or .volumeMounts .config }}
  volumeMounts:
    {{- with .volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if .config }}
    - name: {{ .name }}-config
      mountPath: /etc/vector
      readOnly: true
    {{- end }}
  {{- end }}
{{- end -}}

{{/* What a component takes when its block leaves the key out: a list entry is not merged with values.yaml. */}}
{{- define "agent.defaultProbe" -}}
{httpGet: {path: /healthz, port: 39091}, initialDelaySeconds: 5, periodSeconds: 5, failureThreshold: 3, successThreshold: 1, timeoutSeconds: 5}
{{- end -}}

{{- define "agent.defaultResources" -}}
requests: {cpu: "1", memory: 2Gi, ephemeral-storage: 1Gi}
limits: {cpu: "1", memory: 2Gi, ephemeral-storage: 1Gi}
{{- end -}}

{{- define "agent.healthPort" -}}
[{name: health, containerPort: 39091}]
{{- end -}}
