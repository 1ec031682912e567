package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func noEnvironment(string) string { return "" }

func kubeconfig(server string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"trial",
"clusters":[{"name":"trial","cluster":{"server":%q}},{"name":"other","cluster":{"server":"https://127.0.0.1:2"}}],
"contexts":[{"name":"trial","context":{"cluster":"trial","user":"u","namespace":"here"}},
{"name":"second","context":{"cluster":"other","user":"u"}}],"users":[{"name":"u","user":{}}]}`, server)
}

func TestDefaults(t *testing.T) {
	settings, err := Read(nil, noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	if !settings.ServerSideApply || settings.SecretMutable || settings.Helm.Driver != "secret" {
		t.Fatalf("got %+v", settings)
	}
}

func TestArgumentsWinOverEnvironment(t *testing.T) {
	everythingTrue := func(string) string { return "true" }
	settings, err := Read(map[string]string{
		"kubernetes:config:enableSecretMutable": "false",
		"kubernetes:config:helmReleaseSettings": `{"driver":"configmap"}`,
		"kubernetes:config:kubeClientSettings":  `{"burst":3,"qps":1.5,"timeout":7}`,
	}, everythingTrue)
	if err != nil {
		t.Fatal(err)
	}
	if settings.SecretMutable || !settings.ConfigMapMutable || settings.Helm.Driver != "configmap" || *settings.Client.Burst != 3 {
		t.Fatalf("got %+v", settings)
	}
	if _, err := Read(map[string]string{"kubernetes:config:helmReleaseSettings": "{"}, noEnvironment); err == nil {
		t.Fatal("accepted broken JSON")
	}
}

func TestKubeconfigByContentAndByPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(kubeconfig("https://127.0.0.1:1")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{file, kubeconfig("https://127.0.0.1:1")} {
		clientConfig, err := Settings{Kubeconfig: given}.ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		rest, err := clientConfig.ClientConfig()
		if err != nil || rest.Host != "https://127.0.0.1:1" {
			t.Fatalf("got %v, %v", rest, err)
		}
		if namespace, _, _ := clientConfig.Namespace(); namespace != "here" {
			t.Fatalf("got namespace %q", namespace)
		}
	}
	if _, err := (Settings{Kubeconfig: "no such file: {"}).ClientConfig(); err == nil {
		t.Fatal("accepted a kubeconfig that is none")
	}
}

func TestProviderIsReplacedOnlyForAnotherCluster(t *testing.T) {
	arguments := func(server string, more map[string]any) resource.PropertyMap {
		values := map[string]any{"kubeconfig": kubeconfig(server)}
		for key, value := range more {
			values[key] = value
		}
		return resource.NewPropertyMapFromMap(values)
	}
	one, two := "https://127.0.0.1:1", "https://127.0.0.1:9"
	for name, test := range map[string]struct {
		former, wanted    resource.PropertyMap
		changed, replaces []string
	}{
		"same":          {arguments(one, nil), arguments(one, nil), nil, nil},
		"other server":  {arguments(one, nil), arguments(two, nil), []string{"kubeconfig"}, []string{"kubeconfig"}},
		"other context": {arguments(one, nil), arguments(one, map[string]any{"context": "second"}), []string{"context"}, []string{"context"}},
		"same cluster": {
			arguments(one, nil), arguments(one, map[string]any{"enableSecretMutable": true}), []string{"enableSecretMutable"}, nil,
		},
		"identifier": {
			arguments(one, map[string]any{"clusterIdentifier": "c"}), arguments(two, map[string]any{"clusterIdentifier": "c"}),
			[]string{"kubeconfig"}, nil,
		},
		"other identifier": {
			arguments(one, map[string]any{"clusterIdentifier": "c"}), arguments(one, map[string]any{"clusterIdentifier": "d"}),
			[]string{"clusterIdentifier"}, []string{"clusterIdentifier"},
		},
	} {
		changed, replaces, err := Changes(test.former, test.wanted)
		if err != nil || !reflect.DeepEqual(changed, test.changed) || !reflect.DeepEqual(replaces, test.replaces) {
			t.Errorf("%s: got %v, %v, %v", name, changed, replaces, err)
		}
	}
}
