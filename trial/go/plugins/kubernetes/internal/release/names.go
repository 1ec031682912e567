package release

import (
	"slices"

	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// resourceNames groups the objects of a rendered manifest: "<Kind>[.<group>]/<apiVersion>" to sorted
// "[<namespace>/]<name>".
func resourceNames(rendered string) (map[string][]string, error) {
	names := map[string][]string{}
	for _, document := range releaseutil.SplitManifests(rendered) {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return nil, err
		}
		if object.GetKind() == "" {
			continue
		}
		key := object.GroupVersionKind().GroupKind().String() + "/" + object.GetAPIVersion()
		name := object.GetName()
		if namespace := object.GetNamespace(); namespace != "" {
			name = namespace + "/" + name
		}
		names[key] = append(names[key], name)
	}
	for key := range names {
		slices.Sort(names[key])
		names[key] = slices.Compact(names[key])
	}
	return names, nil
}
