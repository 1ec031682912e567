// Package cluster holds the clients of the Kubernetes API that the resources share.
package cluster

import (
	"fmt"
	"strings"

	"astro-dbt.local/plugins/common/trial"
	"astro-dbt.local/plugins/kubernetes/internal/config"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a reachable or unreachable Kubernetes cluster. Unreachable says why it can't be reached; the clients are
// usable only when it is nil.
type Cluster struct {
	Settings         config.Settings
	DefaultNamespace string
	Unreachable      error
	REST             *rest.Config
	Typed            kubernetes.Interface
	Mapper           meta.ResettableRESTMapper

	dynamic   dynamic.Interface
	discovery discovery.CachedDiscoveryInterface
}

// Connect makes the clients and asks the API server for its version. A kubeconfig that can't be used, or a server that
// does not answer, is no error: previews work without a cluster. A server elsewhere than on loopback is an error.
func Connect(settings config.Settings) (*Cluster, error) {
	cluster := &Cluster{Settings: settings, DefaultNamespace: settings.Namespace}
	clientConfig, err := settings.ClientConfig()
	if err != nil {
		cluster.Unreachable = err
		return cluster, nil
	}
	if namespace, _, err := clientConfig.Namespace(); err == nil {
		cluster.DefaultNamespace = namespace
	}
	restConfig, err := clientConfig.ClientConfig()
	if err != nil {
		cluster.Unreachable = fmt.Errorf("unable to load Kubernetes client configuration from kubeconfig file: %w", err)
		return cluster, nil
	}
	if err := trial.RequireLoopbackURL("kubernetes", "the cluster", withScheme(restConfig.Host)); err != nil {
		return nil, err
	}
	settings.Client.Limit(restConfig)
	restConfig.WarningHandlerWithContext = rest.NoWarnings{}
	restConfig.UserAgent = "pulumi-kubernetes-stand-in"
	return cluster, cluster.connect(restConfig)
}

func (c *Cluster) connect(restConfig *rest.Config) error {
	c.REST = restConfig
	client, err := rest.HTTPClientFor(restConfig)
	if err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(restConfig, client); err != nil {
		return err
	}
	if c.Typed, err = kubernetes.NewForConfigAndClient(restConfig, client); err != nil {
		return err
	}
	direct, err := discovery.NewDiscoveryClientForConfigAndClient(restConfig, client)
	if err != nil {
		return err
	}
	c.discovery = memory.NewMemCacheClient(direct)
	c.Mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	if _, err := direct.ServerVersion(); err != nil {
		c.Unreachable = fmt.Errorf("unable to load schema information from the API server: %w", err)
	}
	return nil
}

// withScheme completes an address as client-go does.
func withScheme(host string) string {
	if strings.Contains(host, "://") {
		return host
	}
	return "https://" + host
}

// For gives the client of an object's kind, in its namespace or the default one where the kind has namespaces.
func (c *Cluster) For(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = "default"
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// Knows tells whether the API server serves the object's kind.
func (c *Cluster) Knows(object *unstructured.Unstructured) bool {
	if c.Unreachable != nil {
		return false
	}
	kind := object.GroupVersionKind()
	_, err := c.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	return err == nil
}

// IsNamespaced tells whether objects of the kind live in namespaces; yes when nobody knows.
func (c *Cluster) IsNamespaced(object *unstructured.Unstructured) bool {
	kind := object.GroupVersionKind()
	if clusterScoped[kind.Kind] {
		return false
	}
	if c.Unreachable != nil {
		return true
	}
	mapping, err := c.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	return err != nil || mapping.Scope.Name() == meta.RESTScopeNameNamespace
}

// Forget drops what is known of the served kinds, for when a custom resource definition was made.
func (c *Cluster) Forget() { c.Mapper.Reset() }

// Getter is what Helm needs: the same connection with a release's namespace as the default one.
func (c *Cluster) Getter(namespace string) (*Getter, error) {
	if c.Unreachable != nil {
		return nil, c.Unreachable
	}
	loader, err := c.Settings.ClientConfigIn(namespace)
	if err != nil {
		return nil, err
	}
	return &Getter{cluster: c, loader: loader}, nil
}

// Getter implements genericclioptions.RESTClientGetter.
type Getter struct {
	cluster *Cluster
	loader  clientcmd.ClientConfig
}

// ToRESTConfig gives a copy of the connection's configuration.
func (g *Getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.cluster.REST), nil }

// ToDiscoveryClient gives the shared discovery cache.
func (g *Getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.cluster.discovery, nil
}

// ToRESTMapper gives the shared mapper, with short names of kinds.
func (g *Getter) ToRESTMapper() (meta.RESTMapper, error) {
	return restmapper.NewShortcutExpander(g.cluster.Mapper, g.cluster.discovery, nil), nil
}

// ToRawKubeConfigLoader gives the kubeconfig.
func (g *Getter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.loader }
