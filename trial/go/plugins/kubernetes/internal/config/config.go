// Package config reads the arguments of a kubernetes Provider and tells when a changed argument means another cluster.
package config

import (
	"encoding/json"
	"fmt"
	"os"

	"helm.sh/helm/v3/pkg/helmpath"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Settings are the provider's arguments.
type Settings struct {
	Kubeconfig            string
	Context               string
	Cluster               string
	Namespace             string
	ServerSideApply       bool
	SecretMutable         bool
	ConfigMapMutable      bool
	DeleteUnreachable     bool
	SkipUpdateUnreachable bool
	PatchForce            bool
	Upsert                bool
	Client                ClientSettings
	Helm                  HelmSettings
}

// ClientSettings limit the requests to the API server.
type ClientSettings struct {
	Burst   *int     `json:"burst"`
	QPS     *float64 `json:"qps"`
	Timeout *int     `json:"timeout"`
}

// HelmSettings are the places where Helm keeps releases, repositories and credentials.
type HelmSettings struct {
	Driver               string `json:"driver"`
	PluginsPath          string `json:"pluginsPath"`
	RegistryConfigPath   string `json:"registryConfigPath"`
	RepositoryCache      string `json:"repositoryCache"`
	RepositoryConfigPath string `json:"repositoryConfigPath"`
}

const (
	prefix = "kubernetes:config:"
	// Requests at once and per second, as the official plugin sets them.
	defaultBurst = 120
	defaultQPS   = 50.0
)

// Read takes the variables of a Configure request ("kubernetes:config:<argument>" to text or JSON); what is missing
// comes from the environment variables that the official plugin reads, then from its defaults.
func Read(variables map[string]string, getenv func(string) string) (Settings, error) {
	flag := func(argument, variable string, otherwise bool) bool {
		if value, has := variables[prefix+argument]; has {
			return value == "true"
		}
		if value := getenv(variable); variable != "" && value != "" {
			return value == "true"
		}
		return otherwise
	}
	settings := Settings{
		Kubeconfig:            variables[prefix+"kubeconfig"],
		Context:               variables[prefix+"context"],
		Cluster:               variables[prefix+"cluster"],
		Namespace:             variables[prefix+"namespace"],
		ServerSideApply:       flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", true),
		SecretMutable:         flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE", false),
		ConfigMapMutable:      flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", false),
		DeleteUnreachable:     flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE", false),
		SkipUpdateUnreachable: flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", false),
		PatchForce:            flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE", false),
		Upsert:                flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS", false),
	}
	if directory := variables[prefix+"renderYamlToDirectory"]; directory != "" {
		return settings, fmt.Errorf("renderYamlToDirectory is not served by the trial's stand-in of the kubernetes plugin: " +
			"leave the argument out, or use the official plugin")
	}
	for argument, target := range map[string]any{
		"helmReleaseSettings": &settings.Helm, "kubeClientSettings": &settings.Client,
	} {
		if text := variables[prefix+argument]; text != "" {
			if err := json.Unmarshal([]byte(text), target); err != nil {
				return settings, fmt.Errorf("failed to unmarshal %s option: %w", argument, err)
			}
		}
	}
	settings.Helm.fill(getenv)
	return settings, nil
}

func (h *HelmSettings) fill(getenv func(string) string) {
	or := func(target *string, variable string, otherwise func() string) {
		if *target == "" {
			*target = getenv(variable)
		}
		if *target == "" {
			*target = otherwise()
		}
	}
	or(&h.Driver, "PULUMI_K8S_HELM_DRIVER", func() string { return "secret" })
	or(&h.PluginsPath, "PULUMI_K8S_HELM_PLUGINS_PATH", func() string { return helmpath.DataPath("plugins") })
	or(&h.RegistryConfigPath, "PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH", func() string {
		return helmpath.ConfigPath("registry/config.json")
	})
	or(&h.RepositoryConfigPath, "PULUMI_K8S_HELM_REPOSITORY_CONFIG_PATH", func() string {
		return helmpath.ConfigPath("repositories.yaml")
	})
	or(&h.RepositoryCache, "PULUMI_K8S_HELM_REPOSITORY_CACHE", func() string { return helmpath.CachePath("repository") })
}

// ClientConfig resolves the kubeconfig: the argument's path or content, or else what kubectl would take.
func (s Settings) ClientConfig() (clientcmd.ClientConfig, error) {
	return s.clientConfig(s.Namespace)
}

// ClientConfigIn is ClientConfig with another default namespace.
func (s Settings) ClientConfigIn(namespace string) (clientcmd.ClientConfig, error) {
	return s.clientConfig(namespace)
}

func (s Settings) clientConfig(namespace string) (clientcmd.ClientConfig, error) {
	overrides := &clientcmd.ConfigOverrides{
		Context:        clientcmdapi.Context{Cluster: s.Cluster, Namespace: namespace},
		CurrentContext: s.Context,
	}
	if s.Kubeconfig == "" {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		rules.DefaultClientConfig = &clientcmd.DefaultClientConfig
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides), nil
	}
	content, err := parseKubeconfig(s.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- %w", err)
	}
	return clientcmd.NewDefaultClientConfig(*content, overrides), nil
}

// Limit applies the client settings.
func (c ClientSettings) Limit(config *rest.Config) {
	config.Burst, config.QPS = defaultBurst, defaultQPS
	if c.Burst != nil {
		config.Burst = *c.Burst
	}
	if c.QPS != nil {
		config.QPS = float32(*c.QPS)
	}
	if c.Timeout != nil {
		config.Timeout = seconds(*c.Timeout)
	}
}

// readFile is os.ReadFile, kept apart so that a kubeconfig's content is never taken for a path with an odd error.
func readFile(path string) ([]byte, bool, error) {
	if information, err := os.Stat(path); err != nil || information.IsDir() {
		return nil, false, nil
	}
	content, err := os.ReadFile(path)
	return content, true, err
}
