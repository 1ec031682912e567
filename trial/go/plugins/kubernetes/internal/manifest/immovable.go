package manifest

import (
	"strings"

	"astro-dbt.local/plugins/kubernetes/internal/diff"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// selector is immutable on workloads.
var selector = []string{"spec.selector"}

// immovable are the paths, per kind, that Kubernetes does not let change, so that a change makes a new object.
var immovable = map[string][]string{
	"apps/Deployment": selector,
	"apps/DaemonSet":  selector,
	"apps/StatefulSet": {
		"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName",
		"spec.volumeClaimTemplates",
	},
	"batch/Job":                                    {"spec.completions", "spec.parallelism", "spec.selector", "spec.template"},
	"rbac.authorization.k8s.io/RoleBinding":        {"roleRef"},
	"rbac.authorization.k8s.io/ClusterRoleBinding": {"roleRef"},
	"storage.k8s.io/StorageClass":                  {"parameters", "provisioner"},
	"/PersistentVolumeClaim": {
		"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName",
	},
	"/PersistentVolume": {
		"spec.csi", "spec.hostPath", "spec.local", "spec.nfs", "spec.iscsi", "spec.fc",
	},
	"/Pod": {
		"spec.affinity", "spec.automountServiceAccountToken", "spec.containers[*].args", "spec.containers[*].command",
		"spec.containers[*].env", "spec.containers[*].image", "spec.containers[*].resources",
		"spec.containers[*].volumeMounts", "spec.nodeName", "spec.nodeSelector", "spec.restartPolicy",
		"spec.securityContext", "spec.serviceAccountName", "spec.terminationGracePeriodSeconds", "spec.volumes",
	},
	"/ResourceQuota": {"spec.scopes"},
	"/Secret":        {"type"},
	"/Service":       {"spec.clusterIP"},
}

// Mutability says which kinds of data change in place, as the provider is configured.
type Mutability struct {
	Secrets    bool
	ConfigMaps bool
}

// Immovable gives the paths of an object whose change replaces it: its identity, what Kubernetes keeps fixed, and the
// data of Secrets and ConfigMaps unless the provider lets them change in place.
func Immovable(object *unstructured.Unstructured, mutability Mutability) diff.Patterns {
	paths := []string{"metadata.name", "metadata.namespace"}
	fixed, _, _ := unstructured.NestedBool(object.Object, "immutable")
	switch {
	case IsCore(object, "Secret") && (!mutability.Secrets || fixed):
		paths = append(paths, "type", "stringData", "data")
	case IsCore(object, "ConfigMap") && (!mutability.ConfigMaps || fixed):
		paths = append(paths, "binaryData", "data")
	default:
		group, _, found := strings.Cut(object.GetAPIVersion(), "/")
		if !found {
			group = ""
		}
		paths = append(paths, immovable[group+"/"+object.GetKind()]...)
	}
	return diff.NewPatterns(paths...)
}
