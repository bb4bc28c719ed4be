{{/* What no schema can say, because it depends on several values. */}}
{{- define "qwhisk.check" -}}
{{- $values := .Values -}}
{{- if not $values.settings.KAFKA_BOOTSTRAP_SERVERS }}{{ fail "settings.KAFKA_BOOTSTRAP_SERVERS is empty: set it to the brokers, host:port separated by commas" }}{{ end -}}
{{- if not $values.settings.CLOUDANT_URL }}{{ fail "settings.CLOUDANT_URL is empty: set it to the database with the config documents" }}{{ end -}}
{{- if and $values.documents.enabled (not $values.documents.settings.WHISK_APIHOST) }}{{ fail "documents.settings.WHISK_APIHOST is empty: set it to OpenWhisk's address, or documents.enabled to false" }}{{ end -}}
{{- if and $values.networkPolicy.enabled (not $values.documents.settings.WHISK_APIHOST) (not $values.networkPolicy.openwhisk.ports) }}{{ fail "networkPolicy.openwhisk.ports is empty: set it to the ports of OpenWhisk's API, or documents.settings.WHISK_APIHOST to its address" }}{{ end -}}
{{- range $part := list "gateway" "poller" "simulator" "documents" -}}
{{- $part_values := index $values $part -}}
{{- if and $part_values.secrets $part_values.existingSecret }}{{ fail (printf "%s.secrets and %s.existingSecret are both set: set one of them" $part $part) }}{{ end -}}
{{- end -}}
{{- range $part, $names := include "qwhisk.secretNames" . | fromYaml -}}
{{- $part_values := index $values $part -}}
{{- if and (not $part_values.existingSecret) (ne (toString $part_values.enabled) "false") -}}
{{- range $names.required -}}
{{- if not (index $part_values.secrets .) }}{{ fail (printf "%s.secrets.%s is not set: set it, or %s.existingSecret" $part . $part) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $given := $values.poller.secrets.SIMULATOR_API_KEY -}}
{{- if and $values.simulator.enabled (not $values.poller.existingSecret) (not $given) }}{{ fail "poller.secrets.SIMULATOR_API_KEY is not set: set it to the simulator's key, or simulator.enabled to false" }}{{ end -}}
{{- if and $values.simulator.secrets.SIMULATOR_API_KEY $given (ne $given $values.simulator.secrets.SIMULATOR_API_KEY) }}{{ fail "poller.secrets.SIMULATOR_API_KEY differs from simulator.secrets.SIMULATOR_API_KEY: the poller would be refused" }}{{ end -}}
{{- $stores := dict -}}
{{- range $part := list "gateway" "poller" "documents" -}}
{{- $part_values := index $values $part -}}
{{- $settings := mergeOverwrite (dict) $values.settings $part_values.settings -}}
{{- $needed := dict -}}
{{- if and $settings.CLOUDANT_USERNAME (not $part_values.secrets.CLOUDANT_APIKEY) }}{{ $_ := set $needed "CLOUDANT_PASSWORD" "CLOUDANT_USERNAME" }}{{ end -}}
{{- if ne $part "documents" -}}
{{- if hasPrefix "SASL_" (toString $settings.KAFKA_SECURITY_PROTOCOL) -}}
{{- if not $settings.KAFKA_SASL_USERNAME }}{{ fail "settings.KAFKA_SASL_USERNAME is not set: settings.KAFKA_SECURITY_PROTOCOL needs it" }}{{ end -}}
{{- $_ := set $needed "KAFKA_SASL_PASSWORD" "KAFKA_SECURITY_PROTOCOL" -}}
{{- end -}}
{{- $_ := set $stores $part (not $settings.RESULTS_S3_URL) -}}
{{- if $settings.RESULTS_S3_URL -}}
{{- if $values.results.volume.enabled }}{{ fail "results.volume.enabled and settings.RESULTS_S3_URL are both set: large results are in one of them" }}{{ end -}}
{{- if not $settings.RESULTS_S3_BUCKET }}{{ fail "settings.RESULTS_S3_BUCKET is not set: settings.RESULTS_S3_URL needs it" }}{{ end -}}
{{- range list "RESULTS_S3_ACCESS_KEY" "RESULTS_S3_SECRET_KEY" }}{{ $_ := set $needed . "RESULTS_S3_URL" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and (not $part_values.existingSecret) (ne (toString $part_values.enabled) "false") -}}
{{- range $secret, $setting := $needed -}}
{{- if not (index $part_values.secrets $secret) }}{{ fail (printf "%s.secrets.%s is not set: %s needs it. Set it, or %s.existingSecret" $part $secret $setting $part) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne $stores.gateway $stores.poller }}{{ fail "RESULTS_S3_URL is set for one of gateway and poller: set it in settings, since both use the store" }}{{ end -}}
{{- range $place, $settings := dict "settings" $values.settings "gateway.settings" $values.gateway.settings "poller.settings" $values.poller.settings "documents.settings" $values.documents.settings -}}
{{- range $name, $value := $settings -}}
{{- if regexMatch "^[a-z]+://[^/?#]*@" (toString $value) }}{{ fail (printf "%s.%s has a user or a password before the host, which everybody could read in the ConfigMap: use the settings and secrets for them, such as CLOUDANT_USERNAME and CLOUDANT_PASSWORD" $place $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (eq (toString $values.gateway.settings.GATEWAY_WEBHOOKS) "private") (not $values.networkPolicy.webhooks.to) }}{{ fail "networkPolicy.webhooks.to is empty, which permits public addresses only: set it to the receivers, since gateway.settings.GATEWAY_WEBHOOKS is private" }}{{ end -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) }}{{ fail "ingress.host is empty: set it to the name by which browsers call the gateway" }}{{ end -}}
{{- with $values.gateway.autoscaling }}{{ if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}{{ fail "gateway.autoscaling.minReplicas is more than maxReplicas" }}{{ end }}{{ end -}}
{{- with $values.poller.keda -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}{{ fail "poller.keda.minReplicas is more than maxReplicas" }}{{ end -}}
{{- if and .enabled (gt (int .maxReplicas) (int ((mergeOverwrite (dict) $values.settings $values.poller.settings).KAFKA_PARTITIONS | default 6))) }}{{ fail "poller.keda.maxReplicas is more than settings.KAFKA_PARTITIONS: pollers in excess of it are idle" }}{{ end -}}
{{- end -}}
{{- end -}}
