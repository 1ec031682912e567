package release

import (
	"reflect"
	"testing"

	"astro-dbt.local/plugins/kubernetes/internal/manifest"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"helm.sh/helm/v3/pkg/chart"
	helmrelease "helm.sh/helm/v3/pkg/release"
)

func given(values map[string]any) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(map[string]any{"name": "one", "chart": "c", "values": values})
}

func TestDecode(t *testing.T) {
	inputs := given(map[string]any{"replicas": 2, "list": []any{"a", nil, map[string]any{"b": nil, "c": 1.5}}, "null": nil})
	inputs["timeout"] = resource.NewNumberProperty(7)
	inputs["maxHistory"] = resource.NewNumberProperty(3)
	inputs["values"].ObjectValue()["token"] = resource.MakeSecret(resource.NewStringProperty("t"))
	inputs["values"].ObjectValue()["later"] = resource.MakeComputed(resource.NewStringProperty(""))
	release, err := decode(inputs)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"replicas": 2.0, "list": []any{"a", map[string]any{"c": 1.5}}, "token": "t"}
	if !reflect.DeepEqual(release.Values, want) {
		t.Fatalf("got %v", release.Values)
	}
	if release.Await().Seconds() != 7 || *release.MaxHistory != 3 || (&Release{}).Await().Seconds() != 300 {
		t.Fatalf("got %+v", release)
	}
}

func TestNullsAreKeptWhereAllowed(t *testing.T) {
	got := mergeValues(map[string]any{"a": map[string]any{"b": 1.0}}, map[string]any{"a": map[string]any{"c": nil}}, true)
	if !reflect.DeepEqual(got, map[string]any{"a": map[string]any{"b": 1.0, "c": nil}}) {
		t.Fatalf("got %v", got)
	}
}

func TestValuesFiles(t *testing.T) {
	file, err := asset.FromText("replicas: 1\nnested: {a: 1, b: 1}\n")
	if err != nil {
		t.Fatal(err)
	}
	inputs := given(map[string]any{"nested": map[string]any{"b": 2}})
	inputs["valueYamlFiles"] = resource.NewArrayProperty([]resource.PropertyValue{resource.NewAssetProperty(file)})
	release, err := decode(inputs)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"replicas": 1.0, "nested": map[string]any{"a": 1.0, "b": 2.0}}
	if !reflect.DeepEqual(release.Values, want) {
		t.Fatalf("got %v", release.Values)
	}
}

func TestInputsKeepSecretsAndUnknowns(t *testing.T) {
	inputs := given(map[string]any{"plain": "p"})
	inputs["values"].ObjectValue()["token"] = resource.MakeSecret(resource.NewStringProperty("t"))
	inputs["namespace"] = resource.MakeComputed(resource.NewStringProperty(""))
	release, err := decode(inputs)
	if err != nil {
		t.Fatal(err)
	}
	checked := checkedInputs(release, inputs)
	values := checked["values"].ObjectValue()
	if !values["token"].IsSecret() || values["plain"].IsSecret() || !checked["namespace"].IsComputed() {
		t.Fatalf("got %v", checked)
	}
	for _, key := range []resource.PropertyKey{"status", "resourceNames", "maxHistory"} {
		if _, has := checked[key]; has {
			t.Errorf("%s is no input here", key)
		}
	}
	if atomic := checked["atomic"]; !atomic.IsBool() || atomic.BoolValue() {
		t.Errorf("got %v", atomic)
	}
	state := checkpoint(release, checked, true)
	if !state[manifest.InputsKey].IsSecret() || !state["status"].IsComputed() || !state["values"].ObjectValue()["token"].IsSecret() {
		t.Fatalf("got %v", state)
	}
	if !reflect.DeepEqual(parseCheckpoint(state), checked) {
		t.Fatal("the inputs did not survive the state")
	}
}

func TestDefaults(t *testing.T) {
	inputs := resource.PropertyMap{}
	setDefaults(inputs, "here")
	if manifest.Text(inputs, "namespace") != "here" || inputs["timeout"].NumberValue() != 300 {
		t.Fatalf("got %v", inputs)
	}
	skipping := resource.PropertyMap{"skipAwait": resource.NewBoolProperty(true)}
	setDefaults(skipping, "here")
	if _, has := skipping["timeout"]; has {
		t.Fatal("nothing is awaited, but there is a timeout")
	}
}

func TestNames(t *testing.T) {
	const urn = "urn:pulumi:dev::p::kubernetes:helm.sh/v3:Release::agents"
	inputs := resource.PropertyMap{}
	if err := setName(inputs, nil, urn); err != nil || len(manifest.Text(inputs, "name")) != len("agents-")+8 {
		t.Fatalf("got %v, %v", inputs, err)
	}
	next := resource.PropertyMap{}
	if err := setName(next, inputs, urn); err != nil || manifest.Text(next, "name") != manifest.Text(inputs, "name") {
		t.Fatalf("the name was made again: %v, %v", next, err)
	}
	named := resource.PropertyMap{"name": resource.NewStringProperty("mine")}
	if err := setName(named, inputs, urn); err != nil || manifest.Text(named, "name") != "mine" {
		t.Fatalf("got %v, %v", named, err)
	}
}

func TestTake(t *testing.T) {
	release := &Release{Name: "one", Namespace: "ns", Values: map[string]any{"a": 1.0}}
	err := release.take(&helmrelease.Release{
		Name: "one", Namespace: "ns", Version: 4, Config: map[string]any{"a": 2.0},
		Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "c", Version: "1.2.3", AppVersion: "9"}},
		Info:  &helmrelease.Info{Status: helmrelease.StatusDeployed},
		Manifest: "---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Secret\nmetadata: " +
			"{name: a, namespace: ns}\n---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	wantNames := map[string][]string{"Secret/v1": {"b", "ns/a"}, "Deployment.apps/apps/v1": {"d"}}
	if !reflect.DeepEqual(release.ResourceNames, wantNames) || *release.Status.Revision != 4 || release.Version != "1.2.3" ||
		release.Status.Status != "deployed" || release.Values["a"] != 2.0 {
		t.Fatalf("got %+v, %+v", release, release.Status)
	}
}

func TestSplitRepository(t *testing.T) {
	for _, test := range [][4]string{
		{"https://charts.example.com", "agent", "https://charts.example.com", "agent"},
		{"stable", "agent", "", "stable/agent"},
		{"https://charts.example.com", "oci://registry.example.com/agent", "", "oci://registry.example.com/agent"},
		{"", "agent", "", "agent"},
	} {
		if repository, name := splitRepository(test[0], test[1]); repository != test[2] || name != test[3] {
			t.Errorf("%q, %q: got %q, %q", test[0], test[1], repository, name)
		}
	}
}
