// Package release serves kubernetes:helm.sh/v3:Release through Helm's library.
package release

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"time"

	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"
	"astro-dbt.local/plugins/kubernetes/internal/secrecy"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"helm.sh/helm/v3/pkg/chartutil"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"sigs.k8s.io/yaml"
)

// Type is the resource type served here.
const Type = "kubernetes:helm.sh/v3:Release"

// defaultTimeoutSeconds is how long Helm waits unless told otherwise.
const defaultTimeoutSeconds = 300

// Release has the properties of the resource. Texts and switches are written to the state also when they are not given,
// as the official plugin does: a state made by one must show no difference to the other.
type Release struct {
	AllowNullValues          bool                `json:"allowNullValues,omitempty"`
	Atomic                   bool                `json:"atomic,omitempty"`
	Chart                    string              `json:"chart,omitempty"`
	CleanupOnFail            bool                `json:"cleanupOnFail,omitempty"`
	CreateNamespace          bool                `json:"createNamespace,omitempty"`
	DependencyUpdate         bool                `json:"dependencyUpdate,omitempty"`
	Description              string              `json:"description,omitempty"`
	Devel                    bool                `json:"devel,omitempty"`
	DisableCRDHooks          bool                `json:"disableCRDHooks,omitempty"`
	DisableOpenapiValidation bool                `json:"disableOpenapiValidation,omitempty"`
	DisableWebhooks          bool                `json:"disableWebhooks,omitempty"`
	ForceUpdate              bool                `json:"forceUpdate,omitempty"`
	Keyring                  string              `json:"keyring,omitempty"`
	Lint                     bool                `json:"lint,omitempty"`
	MaxHistory               *int                `json:"maxHistory,omitempty"`
	Name                     string              `json:"name,omitempty"`
	Namespace                string              `json:"namespace,omitempty"`
	Postrender               string              `json:"postrender,omitempty"`
	RecreatePods             bool                `json:"recreatePods,omitempty"`
	RenderSubchartNotes      bool                `json:"renderSubchartNotes,omitempty"`
	Replace                  bool                `json:"replace,omitempty"`
	RepositoryOpts           *RepositoryOpts     `json:"repositoryOpts,omitempty"`
	ResetValues              bool                `json:"resetValues,omitempty"`
	ReuseValues              bool                `json:"reuseValues,omitempty"`
	Values                   map[string]any      `json:"values,omitempty"`
	SkipCrds                 bool                `json:"skipCrds,omitempty"`
	Timeout                  int                 `json:"timeout,omitempty"`
	Verify                   bool                `json:"verify,omitempty"`
	Version                  string              `json:"version,omitempty"`
	SkipAwait                bool                `json:"skipAwait,omitempty"`
	WaitForJobs              bool                `json:"waitForJobs,omitempty"`
	ResourceNames            map[string][]string `json:"resourceNames,omitempty"`
	Status                   *Status             `json:"status,omitempty"`
}

// RepositoryOpts say where a chart repository is and how to reach it.
type RepositoryOpts struct {
	Repo     string `json:"repo,omitempty"`
	CAFile   string `json:"caFile,omitempty"`
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
	Password string `json:"password,omitempty"`
	Username string `json:"username,omitempty"`
}

// Status is what Helm says of the release.
type Status struct {
	AppVersion string `json:"appVersion,omitempty"`
	Chart      string `json:"chart,omitempty"`
	Name       string `json:"name,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Revision   *int   `json:"revision,omitempty"`
	Status     string `json:"status,omitempty"`
	Version    string `json:"version,omitempty"`
}

// Await is how long Helm's waits may take.
func (r *Release) Await() time.Duration {
	if r.Timeout == 0 {
		return defaultTimeoutSeconds * time.Second
	}
	return time.Duration(r.Timeout) * time.Second
}

// decode reads a release from properties, secrets unwrapped and unknown values dropped; values files come first, then
// the values.
func decode(properties resource.PropertyMap) (*Release, error) {
	plain := props.Plain(properties, true)
	files := plain["valueYamlFiles"]
	delete(plain, "valueYamlFiles")
	delete(plain, manifest.InputsKey)
	content, err := json.Marshal(plain)
	if err != nil {
		return nil, fmt.Errorf("decoding failure: %w", err)
	}
	var release Release
	if err := json.Unmarshal(content, &release); err != nil {
		return nil, fmt.Errorf("decoding failure: %w", err)
	}
	values, err := fromFiles(files)
	if err != nil {
		return nil, err
	}
	release.Values = mergeValues(values, release.Values, release.AllowNullValues)
	return &release, nil
}

func fromFiles(files any) (map[string]any, error) {
	values := map[string]any{}
	list, _ := files.([]any)
	for _, file := range list {
		asset, isAsset := file.(*resource.Asset)
		if !isAsset {
			return nil, fmt.Errorf("unsupported type for 'valueYamlFiles' arg: %T", file)
		}
		content, err := asset.Bytes()
		if err != nil {
			return nil, err
		}
		var parsed map[string]any
		if err := yaml.Unmarshal(content, &parsed); err != nil {
			return nil, fmt.Errorf("a file of valueYamlFiles is no YAML mapping: %w", err)
		}
		values = mergeValues(values, parsed, true)
	}
	return values, nil
}

// mergeValues gives base with the keys of over laid on it, map by map; neither is changed. Unless nulls are allowed they
// are dropped from both, as the official plugin 4.29 does; unknown values count as null, so a preview shows a key
// whose value is not known yet as removed.
func mergeValues(base, over map[string]any, allowNulls bool) map[string]any {
	if !allowNulls {
		base, over = withoutNulls(base).(map[string]any), withoutNulls(over).(map[string]any)
	}
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		overMap, isMap := value.(map[string]any)
		if baseMap, both := merged[key].(map[string]any); isMap && both {
			merged[key] = mergeValues(baseMap, overMap, allowNulls)
			continue
		}
		merged[key] = value
	}
	return merged
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(value))
		for key, inner := range value {
			if inner != nil {
				kept[key] = withoutNulls(inner)
			}
		}
		return kept
	case []any:
		kept := []any{}
		for _, inner := range value {
			if inner != nil {
				kept = append(kept, withoutNulls(inner))
			}
		}
		return kept
	}
	return value
}

// setDefaults fills in what the program left open.
func setDefaults(inputs resource.PropertyMap, namespace string) {
	if value, has := inputs["namespace"]; !has || (value.IsString() && value.StringValue() == "") {
		inputs["namespace"] = resource.NewStringProperty(namespace)
	}
	awaits := !inputs["skipAwait"].IsBool() || !inputs["skipAwait"].BoolValue()
	if _, has := inputs["timeout"]; awaits && !has {
		inputs["timeout"] = resource.NewNumberProperty(defaultTimeoutSeconds)
	}
	verify := inputs["verify"].IsBool() && inputs["verify"].BoolValue()
	if verify && manifest.Text(inputs, "keyring") == "" {
		inputs["keyring"] = resource.NewStringProperty(os.ExpandEnv("$HOME/.gnupg/pubring.gpg"))
	}
}

// setName takes the former name, or makes one, for a release without a name.
func setName(inputs, former resource.PropertyMap, urn resource.URN) error {
	if value, has := inputs["name"]; has && (!value.IsString() || value.StringValue() != "") {
		return nil
	}
	if name := manifest.Text(former, "name"); name != "" {
		inputs["name"] = resource.NewStringProperty(name)
		return nil
	}
	name, err := resource.NewUniqueHex(urn.Name()+"-", 0, 0)
	if err != nil {
		return err
	}
	inputs["name"] = resource.NewStringProperty(name)
	return nil
}

// checkedInputs is what the state keeps as inputs: every field, with the secrecy and the unknowns of what was given.
func checkedInputs(release *Release, given resource.PropertyMap) resource.PropertyMap {
	inputs := resource.NewPropertyMap(release)
	delete(inputs, "resourceNames")
	delete(inputs, "status")
	secrecy.MarkUnknown(inputs, given)
	secrecy.Mark(inputs, given)
	return inputs
}

// checkpoint is what the state keeps as outputs.
func checkpoint(release *Release, inputs resource.PropertyMap, preview bool) resource.PropertyMap {
	state := resource.NewPropertyMap(release)
	state[manifest.InputsKey] = resource.MakeSecret(resource.NewObjectProperty(inputs))
	secrecy.MarkUnknown(state, inputs)
	secrecy.Mark(state, inputs)
	if preview {
		for _, key := range []resource.PropertyKey{"resourceNames", "status"} {
			state[key] = resource.MakeComputed(resource.NewStringProperty(""))
		}
	}
	return state
}

// parseCheckpoint gives the inputs kept in a state; nil when there are none.
func parseCheckpoint(state resource.PropertyMap) resource.PropertyMap {
	kept, has := state[manifest.InputsKey]
	for has && kept.IsSecret() {
		kept = kept.SecretValue().Element
	}
	if !has || !kept.IsObject() {
		return nil
	}
	return kept.ObjectValue().Copy()
}

// take writes to the release what Helm keeps of it.
func (r *Release) take(kept *helmrelease.Release) error {
	if r.Name == "" {
		r.Name = kept.Name
	}
	if r.Namespace == "" {
		r.Namespace = kept.Namespace
	}
	if r.Chart == "" {
		r.Chart = kept.Chart.Metadata.Name
	}
	r.Values = mergeValues(r.Values, kept.Config, r.AllowNullValues)
	r.Version = kept.Chart.Metadata.Version
	names, err := resourceNames(kept.Manifest)
	if err != nil {
		return err
	}
	r.ResourceNames = names
	revision := kept.Version
	r.Status = &Status{
		AppVersion: kept.Chart.Metadata.AppVersion, Chart: kept.Chart.Metadata.Name, Name: kept.Name,
		Namespace: kept.Namespace, Revision: &revision, Status: kept.Info.Status.String(),
		Version: kept.Chart.Metadata.Version,
	}
	return nil
}

// helmValues is a copy of the values for Helm, which may change what it is given.
func (r *Release) helmValues() (chartutil.Values, error) {
	content, err := json.Marshal(r.Values)
	if err != nil {
		return nil, err
	}
	values := chartutil.Values{}
	return values, json.Unmarshal(content, &values)
}
