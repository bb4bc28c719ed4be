{{/* The names of all objects begin with this: the release's name, which has the chart's in it. */}}
{{- define "qwhisk.fullname" -}}
{{- /* A release may have dots in its name and begin with a digit, a Service may not. */ -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $release -}}
{{- printf "%s-%s" .Chart.Name ($release | trunc 33) | trimSuffix "-" -}}
{{- else if contains .Chart.Name $release -}}
{{- $release | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" ($release | trunc 33 | trimSuffix "-") .Chart.Name -}}
{{- end -}}
{{- end -}}

{{/* Labels by which a part's pods are selected. Context: (list $ "gateway"). */}}
{{- define "qwhisk.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* A version for a label or a tag, which may not have the plus sign of `helm package --version 0.1.0+build`. */}}
{{- define "qwhisk.version" -}}
{{- toString . | replace "+" "_" -}}
{{- end -}}

{{- define "qwhisk.labels" -}}
{{- $root := index . 0 -}}
{{ include "qwhisk.selector" . }}
app.kubernetes.io/version: {{ include "qwhisk.version" $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name (include "qwhisk.version" $root.Chart.Version) | quote }}
{{- end -}}

{{- define "qwhisk.metadata" -}}
name: {{ include "qwhisk.fullname" (index . 0) }}-{{ index . 1 }}
labels:
  {{- include "qwhisk.labels" . | nindent 2 }}
{{- end -}}

{{/* A digest takes precedence over a tag. */}}
{{- define "qwhisk.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Values.image.tag | default (include "qwhisk.version" $root.Chart.AppVersion) }}{{ end -}}
{{- end -}}

{{/* A setting as text. Numbers of YAML are floating-point numbers, of which 10000000 would become 1e+07. */}}
{{- define "qwhisk.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ toString . }}{{ end -}}
{{- end -}}

{{/* The settings of a part that are not secret, as YAML: the common ones, those that the chart decides, and its own. */}}
{{- define "qwhisk.settings" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $values := $root.Values -}}
{{- $settings := dict -}}
{{- if has $part (list "gateway" "poller") -}}
{{- $settings = merge $settings $values.settings -}}
{{- if $values.results.volume.enabled -}}{{- $_ := set $settings "RESULTS_FOLDER" "/results" -}}{{- end -}}
{{- with $values.kafkaCertificates -}}
{{- if .configMap -}}{{- $_ := set $settings "KAFKA_SSL_CA_LOCATION" (printf "/etc/qwhisk/kafka/%s" .key) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq $part "documents" -}}
{{- range $name := list "CLOUDANT_URL" "CLOUDANT_USERNAME" "CLOUDANT_DATABASE" -}}
{{- with index $values.settings $name -}}{{- $_ := set $settings $name . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq $part "gateway") $values.ingress.enabled -}}
{{- $_ := set $settings "GATEWAY_HOSTS" $values.ingress.host -}}
{{- $_ := set $settings "GATEWAY_PROXIES" 1 -}}
{{- with trimSuffix "/" $values.ingress.path -}}{{- $_ := set $settings "GATEWAY_PREFIX" . -}}{{- end -}}
{{- end -}}
{{- if and (eq $part "poller") $values.simulator.enabled -}}
{{- $_ := set $settings "SIMULATOR_URL" (printf "http://%s-simulator:8090" (include "qwhisk.fullname" $root)) -}}
{{- end -}}
{{- $settings = mergeOverwrite $settings ((index $values $part).settings | default dict) -}}
{{- /* Pollers and actions call the simulator by the names of its Service. */ -}}
{{- if and (eq $part "simulator") $settings.SIMULATOR_HOSTS -}}
{{- $name := printf "%s-simulator" (include "qwhisk.fullname" $root) -}}
{{- $hosts := list $settings.SIMULATOR_HOSTS $name -}}
{{- range list "" ".svc" ".svc.cluster.local" }}{{ $hosts = append $hosts (printf "%s.%s%s" $name $root.Release.Namespace .) }}{{ end -}}
{{- $_ := set $settings "SIMULATOR_HOSTS" (join "," $hosts) -}}
{{- end -}}
{{- range $name, $value := $settings -}}
{{- $text := include "qwhisk.text" $value -}}
{{- if ne $text "" }}
{{ $name }}: {{ $text | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The secrets that a part reads. Those without a default come first, and the pod does not start without them. */}}
{{- define "qwhisk.secretNames" -}}
gateway:
  required: [GATEWAY_SECRET]
  optional: [GATEWAY_PREVIOUS_SECRET, GATEWAY_API_KEYS, CLOUDANT_PASSWORD, CLOUDANT_APIKEY, KAFKA_SASL_PASSWORD, RESULTS_S3_ACCESS_KEY, RESULTS_S3_SECRET_KEY, WHISK_AUTH, IBM_CLOUD_API_KEY]
poller:
  required: []
  optional: [SIMULATOR_API_KEY, QISKIT_IBM_TOKEN, CLOUDANT_PASSWORD, CLOUDANT_APIKEY, KAFKA_SASL_PASSWORD, RESULTS_S3_ACCESS_KEY, RESULTS_S3_SECRET_KEY, WHISK_AUTH, IBM_CLOUD_API_KEY]
simulator:
  required: [SIMULATOR_API_KEY]
  optional: []
documents:
  required: []
  optional: [CLOUDANT_PASSWORD, CLOUDANT_APIKEY]
{{- end -}}

{{- define "qwhisk.secret" -}}
{{- $root := index . 0 -}}
{{- (index $root.Values (index . 1)).existingSecret | default (printf "%s-%s" (include "qwhisk.fullname" $root) (index . 1)) -}}
{{- end -}}

{{/* Where a container's variables come from. Each secret by its name, so that it gets no other one. */}}
{{- define "qwhisk.env" -}}
{{- $part := index . 1 -}}
{{- $secret := include "qwhisk.secret" . -}}
{{- $names := index (include "qwhisk.secretNames" . | fromYaml) $part -}}
envFrom:
  - configMapRef: {name: {{ include "qwhisk.fullname" (index . 0) }}-{{ $part }}}
env:
  {{- range $names.required }}
  - name: {{ . }}
    valueFrom:
      secretKeyRef: {name: {{ $secret | quote }}, key: {{ . }}}
  {{- end }}
  {{- range $names.optional }}
  - name: {{ . }}
    valueFrom:
      secretKeyRef: {name: {{ $secret | quote }}, key: {{ . }}, optional: true}
  {{- end }}
{{- end -}}

{{/* A pod's fields that do not depend on its part. */}}
{{- define "qwhisk.podSecurity" -}}
automountServiceAccountToken: false
# Else Kubernetes sets variables for each Service of the namespace, which may have the names of settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with (index . 0).Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "qwhisk.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Replicas on different nodes and zones, as far as there are any. */}}
{{- define "qwhisk.placement" -}}
{{- $values := index (index . 0).Values (index . 1) -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "qwhisk.selector" $ | nindent 8 }}
    # Else the pods of the previous version count too.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Annotations of a pod: a change of its settings or secrets replaces it. */}}
{{- define "qwhisk.annotations" -}}
{{- $values := index (index . 0).Values (index . 1) -}}
{{- $annotations := dict "qwhisk/settings" (include "qwhisk.settings" . | sha256sum) -}}
{{- if not $values.existingSecret -}}
{{- $_ := set $annotations "qwhisk/secrets" ($values.secrets | toJson | sha256sum) -}}
{{- end -}}
{{- merge $annotations $values.podAnnotations | toYaml -}}
{{- end -}}

{{/* Volumes of gateway and poller, and where they are. The temporary folder is the only other place to write to. */}}
{{- define "qwhisk.volumes" -}}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
  {{- if .Values.results.volume.enabled }}
  - name: results
    persistentVolumeClaim:
      claimName: {{ .Values.results.volume.existingClaim | default (printf "%s-results" (include "qwhisk.fullname" .)) | quote }}
  {{- end }}
  {{- with .Values.kafkaCertificates.configMap }}
  - name: kafka-certificates
    configMap: {name: {{ . | quote }}}
  {{- end }}
{{- end -}}

{{- define "qwhisk.volumeMounts" -}}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.results.volume.enabled }}
  - {name: results, mountPath: /results}
  {{- end }}
  {{- if .Values.kafkaCertificates.configMap }}
  - {name: kafka-certificates, mountPath: /etc/qwhisk/kafka, readOnly: true}
  {{- end }}
{{- end -}}

{{/* The port of a part's metrics if they have one of their own, else nothing. Context: (list $ "gateway"). */}}
{{- define "qwhisk.metricsPort" -}}
{{- $settings := include "qwhisk.settings" . | fromYaml -}}
{{- $port := index $settings (printf "%s_METRICS_PORT" (index . 1 | upper)) | default "0" -}}
{{- if ne $port "0" }}{{ $port }}{{ end -}}
{{- end -}}
