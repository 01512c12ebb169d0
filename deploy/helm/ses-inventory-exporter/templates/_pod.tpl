{{- /* The pod of every exporter; called with the whole context. */ -}}
{{- define "exporter.pod" -}}
metadata:
  labels:
    {{- include "exporter.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "exporter.serviceAccount" . }}
  automountServiceAccountToken: false
  # Kubernetes would put SES_INVENTORY_…_PORT of every service into the environment, next to our settings
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: exporter
      image: {{ include "exporter.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config.file, /etc/ses-inventory-exporter/config.yaml, --web.listen-address, ":10638"]
      ports:
        - name: http
          containerPort: 10638
      env:
        - name: SES_INVENTORY_STATE_FILE
          value: /var/lib/ses-inventory-exporter/state
        {{- if .Values.webConfig.existingSecret }}
        - name: SES_INVENTORY_WEB__CONFIG_FILE
          value: /run/secrets/ses-inventory-exporter-web/web.yml
        {{- end }}
        {{- if gt (int .Values.shards) 1 }}
        - name: SES_INVENTORY_SHARD__COUNT
          value: {{ .Values.shards | quote }}
        - name: SES_INVENTORY_SHARD__INDEX
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      livenessProbe:
        {{- include "exporter.probe" (list . "/-/healthy") | nindent 8 }}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        {{- include "exporter.probe" (list . "/-/ready") | nindent 8 }}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/ses-inventory-exporter
          readOnly: true
        - name: state
          mountPath: /var/lib/ses-inventory-exporter
        - name: tmp
          mountPath: /tmp
        {{- if .Values.existingSecret }}
        - name: secrets
          mountPath: /run/secrets/ses-inventory-exporter
          readOnly: true
        {{- end }}
        {{- if .Values.webConfig.existingSecret }}
        - name: web
          mountPath: /run/secrets/ses-inventory-exporter-web
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "exporter.fullname" . }}
    - name: tmp
      emptyDir:
        medium: Memory
        sizeLimit: 8Mi
    {{- if .Values.existingSecret }}
    # a folder, not single files: so Kubernetes puts a rotated secret there while the exporter runs
    - name: secrets
      secret:
        secretName: {{ .Values.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- if .Values.webConfig.existingSecret }}
    - name: web
      secret:
        secretName: {{ .Values.webConfig.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- if not .Values.persistence.enabled }}
    - name: state
      emptyDir:
        sizeLimit: {{ .Values.persistence.size }}
    {{- else if include "exporter.single" . }}
    - name: state
      persistentVolumeClaim:
        claimName: {{ include "exporter.fullname" . }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* Who protects the port protects the probes' paths too, and the kubelet has no password: then it only connects. */ -}}
{{- define "exporter.probe" -}}
{{- $context := index . 0 -}}
{{- if $context.Values.webConfig.existingSecret -}}
tcpSocket:
  port: http
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: http
{{- end -}}
{{- end -}}

{{- define "exporter.claim" -}}
accessModes:
  {{- toYaml .Values.persistence.accessModes | nindent 2 }}
{{- with .Values.persistence.storageClassName }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.persistence.size }}
{{- end -}}
