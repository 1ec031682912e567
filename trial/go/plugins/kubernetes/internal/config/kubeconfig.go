package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"astro-dbt.local/plugins/common/props"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func seconds(count int) time.Duration { return time.Duration(count) * time.Second }

// parseKubeconfig reads a kubeconfig from a path, with ~ for the home folder, or from its content.
func parseKubeconfig(pathOrContent string) (*clientcmdapi.Config, error) {
	path := pathOrContent
	if rest, found := strings.CutPrefix(path, "~"); found && (rest == "" || rest[0] == '/') {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	content, isFile, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if !isFile {
		content = []byte(pathOrContent)
	}
	return clientcmd.Load(content)
}

// Changes compares the arguments of a provider: which differ, and which of these mean that its resources must be made
// anew. The address of a cluster has no identity, so only a change of the active cluster's entry counts; and when a
// clusterIdentifier is given, that alone decides.
func Changes(former, wanted resource.PropertyMap) (changed, replaces []string, err error) {
	difference := former.Diff(wanted)
	if difference == nil {
		return nil, nil, nil
	}
	for _, key := range difference.ChangedKeys() {
		changed = append(changed, string(key))
	}
	slices.Sort(changed)

	const identifier = "clusterIdentifier"
	if difference.Updated(identifier) {
		return changed, []string{identifier}, nil
	}
	if difference.Same(identifier) && wanted.HasValue(identifier) {
		return changed, nil, nil
	}
	selectors := []string{"kubeconfig", "context", "cluster"}
	for _, key := range selectors {
		if wanted[resource.PropertyKey(key)].ContainsUnknowns() {
			return []string{key}, []string{key}, nil
		}
	}
	formerCluster, err := activeCluster(former)
	if err != nil {
		return nil, nil, err
	}
	wantedCluster, err := activeCluster(wanted)
	if err != nil {
		return nil, nil, err
	}
	if formerCluster != nil && wantedCluster != nil && !reflect.DeepEqual(formerCluster, wantedCluster) {
		for _, key := range selectors {
			if slices.Contains(changed, key) {
				replaces = append(replaces, key)
			}
		}
	}
	return changed, replaces, nil
}

// activeCluster finds the cluster that a provider's arguments select in their kubeconfig; nil when there is none.
func activeCluster(arguments resource.PropertyMap) (*clientcmdapi.Cluster, error) {
	plain := props.Plain(arguments, true)
	var text string
	switch value := plain["kubeconfig"].(type) {
	case nil:
		return nil, nil
	case string:
		text = value
	default:
		content, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("failed to unmarshal kubeconfig: %w", err)
		}
		text = string(content)
	}
	if text == "" {
		return nil, nil
	}
	kubeconfig, err := parseKubeconfig(text)
	if err != nil {
		return nil, fmt.Errorf("failed to parse kubeconfig: %w", err)
	}
	current := kubeconfig.CurrentContext
	if name, isText := plain["context"].(string); isText {
		current = name
	}
	selected, has := kubeconfig.Contexts[current]
	if !has {
		return nil, nil
	}
	name := selected.Cluster
	if override, isText := plain["cluster"].(string); isText {
		name = override
	}
	return kubeconfig.Clusters[name], nil
}
