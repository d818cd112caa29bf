{{- define "guard.databaseEnv" -}}
{{ include "guard.secret" (list "DATABASE_URL" (required "database.existingSecret: name the Secret with the PostgreSQL URL" .Values.database.existingSecret) .Values.database.key false) }}
- name: PIPELINE_GUARD_LOG_FORMAT
  value: {{ .Values.log.format }}
- name: PIPELINE_GUARD_LOG_LEVEL
  value: {{ .Values.log.level }}
{{- end -}}

{{- define "guard.platformEnv" -}}
{{- with .Values.github }}
{{- if .enabled }}
{{- $secret := required "github.existingSecret: name the Secret with the webhook's secret and the token" .existingSecret }}
- name: PIPELINE_GUARD_GITHUB_API_URL
  value: {{ .apiUrl | quote }}
{{- with .appId }}
- name: PIPELINE_GUARD_GITHUB_APP_ID
  value: {{ . | quote }}
{{- end }}
{{ include "guard.secret" (list "GITHUB_WEBHOOK_SECRET" $secret "webhook-secret" false) }}
{{ include "guard.secret" (list "GITHUB_TOKEN" $secret "token" true) }}
{{ include "guard.secret" (list "GITHUB_PRIVATE_KEY" $secret "private-key" true) }}
{{- end }}
{{- end }}
{{- with .Values.gitlab }}
{{- if .enabled }}
{{- $secret := required "gitlab.existingSecret: name the Secret with the webhook's secret and the token" .existingSecret }}
- name: PIPELINE_GUARD_GITLAB_URL
  value: {{ .url | quote }}
{{ include "guard.secret" (list "GITLAB_TOKEN" $secret "token" false) }}
{{ include "guard.secret" (list "GITLAB_WEBHOOK_SECRET" $secret "webhook-secret" true) }}
{{ include "guard.secret" (list "GITLAB_SIGNING_TOKEN" $secret "signing-token" true) }}
{{- end }}
{{- end }}
{{- with .Values.buildbot }}
{{- if .enabled }}
{{- $secret := required "buildbot.existingSecret: name the Secret with the webhook's token" .existingSecret }}
- name: PIPELINE_GUARD_BUILDBOT_URL
  value: {{ required "buildbot.url: say where the master is" .url | quote }}
{{ include "guard.secret" (list "BUILDBOT_WEBHOOK_TOKEN" $secret "webhook-token" false) }}
{{ include "guard.secret" (list "BUILDBOT_USER" $secret "user" true) }}
{{ include "guard.secret" (list "BUILDBOT_PASSWORD" $secret "password" true) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "guard.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if .Values.ingress.enabled -}}
http{{ if .Values.ingress.tlsSecret }}s{{ end }}://{{ first .Values.ingress.hosts }}
{{- end -}}
{{- end -}}

{{- define "guard.signInEnv" -}}
{{- with include "guard.publicUrl" . }}
- name: PIPELINE_GUARD_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.oidc }}
{{- if .issuer }}
- name: PIPELINE_GUARD_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: PIPELINE_GUARD_OIDC_CLIENT_ID
  value: {{ .clientId | quote }}
- name: PIPELINE_GUARD_OIDC_GROUPS
  value: {{ .groups | quote }}
- name: PIPELINE_GUARD_OIDC_GROUPS_CLAIM
  value: {{ .groupsClaim | quote }}
{{ include "guard.secret" (list "OIDC_CLIENT_SECRET" .existingSecret "client-secret" false) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "guard.env" -}}
env:
  {{- include "guard.databaseEnv" . | nindent 2 }}
  - name: PIPELINE_GUARD_MODE
    value: {{ .Values.mode }}
  - name: PIPELINE_GUARD_DATA_DIR
    value: /var/lib/pipeline-guard
  {{- if .Values.policy }}
  - name: PIPELINE_GUARD_CONFIG
    value: /etc/pipeline-guard/policy/guard.yaml
  {{- end }}
  {{- if .Values.rules }}
  - name: PIPELINE_GUARD_RULES
    value: /etc/pipeline-guard/rules
  {{- end }}
  {{- range $name, $days := dict "DELIVERIES" .Values.keep.deliveriesDays "FAILURES" .Values.keep.failuresDays "LOGS" .Values.keep.logsDays "QUEUE" .Values.keep.queueDays }}
  - name: PIPELINE_GUARD_KEEP_{{ $name }}_DAYS
    value: {{ $days | int | quote }}
  {{- end }}
  {{- include "guard.secret" (list "API_TOKEN" (required "api.existingSecret: name the Secret with the token that opens API and dashboard" .Values.api.existingSecret) .Values.api.key false) | nindent 2 }}
  {{- include "guard.secret" (list "SECRET_KEY" .Values.api.existingSecret .Values.api.sealingKey false) | nindent 2 }}
  {{- with .Values.redis }}
  {{- if .existingSecret }}
  {{- include "guard.secret" (list "REDIS_URL" .existingSecret .key false) | nindent 2 }}
  {{- end }}
  {{- end }}
  {{- include "guard.signInEnv" . | trim | nindent 2 }}
  {{- include "guard.platformEnv" . | trim | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFromSecrets }}
envFrom:
  {{- range . }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "guard.mounts" -}}
volumeMounts:
  - {name: scratch, mountPath: /var/lib/pipeline-guard}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.policy }}
  - {name: policy, mountPath: /etc/pipeline-guard/policy, readOnly: true}
  {{- end }}
  {{- if .Values.rules }}
  - {name: rules, mountPath: /etc/pipeline-guard/rules, readOnly: true}
  {{- end }}
{{- end -}}

{{/* The rest of a pod; called with (list root part), where part is .Values.web or .Values.worker. */}}
{{- define "guard.podRest" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
volumes:
  - name: scratch
    emptyDir: {sizeLimit: {{ $part.scratchSize }}}
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
  {{- if $root.Values.policy }}
  - name: policy
    configMap: {name: {{ include "guard.fullname" $root }}-policy}
  {{- end }}
  {{- if $root.Values.rules }}
  - name: rules
    configMap: {name: {{ include "guard.fullname" $root }}-rules}
  {{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas on different nodes where that is possible; called with (list root component). */}}
{{- define "guard.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "guard.selector" (index . 0) | nindent 8 }}
        app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* A changed policy or rule makes new pods: it holds at once, and a wrong one stops the rollout. */}}
{{- define "guard.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $part := index . 2 -}}
annotations:
  checksum/config: {{ printf "%s%s" $root.Values.policy (toYaml $root.Values.rules) | sha256sum }}
  {{- with $part.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
labels:
  {{- include "guard.labels" $root | nindent 2 }}
  app.kubernetes.io/component: {{ $component }}
  {{- with $part.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
