package release

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"astro-dbt.local/plugins/kubernetes/internal/config"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/downloader"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/registry"
)

// charts finds and loads the charts of releases.
type charts struct {
	settings *cli.EnvSettings
	registry *registry.Client
}

// newCharts prepares the places that Helm looks in. Credentials of the release's repository are used for a registry too,
// and written nowhere.
func newCharts(paths config.HelmSettings, repository *RepositoryOpts) (charts, error) {
	settings := cli.New()
	settings.PluginsDirectory, settings.RegistryConfig = paths.PluginsPath, paths.RegistryConfigPath
	settings.RepositoryConfig, settings.RepositoryCache = paths.RepositoryConfigPath, paths.RepositoryCache
	// Without it Helm hides why a download failed.
	settings.Debug = true
	options := []registry.ClientOption{
		registry.ClientOptEnableCache(true), registry.ClientOptCredentialsFile(paths.RegistryConfigPath),
		registry.ClientOptWriter(io.Discard),
	}
	if repository != nil && repository.Username != "" && repository.Password != "" {
		options = append(options, registry.ClientOptBasicAuth(repository.Username, repository.Password))
	}
	client, err := registry.NewClient(options...)
	return charts{settings: settings, registry: client}, err
}

// load finds the release's chart, in its repository, in a registry or on disk, and gives it with its path.
func (c charts) load(release *Release) (*chart.Chart, string, error) {
	options := action.NewInstall(&action.Configuration{RegistryClient: c.registry}).ChartPathOptions
	name := strings.TrimSpace(release.Chart)
	options.Keyring, options.Verify = release.Keyring, release.Verify
	options.Version = strings.TrimSpace(release.Version)
	if options.Version == "" && release.Devel {
		options.Version = ">0.0.0-0"
	}
	if repository := release.RepositoryOpts; repository != nil {
		options.CaFile, options.CertFile, options.KeyFile = repository.CAFile, repository.CertFile, repository.KeyFile
		options.Username, options.Password = repository.Username, repository.Password
		options.RepoURL, name = splitRepository(repository.Repo, name)
	}
	if options.RepoURL == "" && !registry.IsOCI(name) {
		if information, err := os.Stat(name); err == nil && !isChart(name, information) {
			return nil, "", fmt.Errorf("path %q is not a chart: a chart's folder has a Chart.yaml", name)
		}
	}
	path, err := options.LocateChart(name, c.settings)
	if err != nil {
		return nil, "", err
	}
	loaded, err := c.open(release, path)
	return loaded, path, err
}

// splitRepository tells a repository's URL from a repository that Helm knows by name.
func splitRepository(repository, chartName string) (repositoryURL, name string) {
	if registry.IsOCI(chartName) {
		return "", chartName
	}
	if _, err := url.ParseRequestURI(repository); err == nil {
		return repository, chartName
	}
	if repository != "" && !strings.Contains(chartName, "/") {
		return "", repository + "/" + chartName
	}
	return "", chartName
}

func isChart(path string, information os.FileInfo) bool {
	if !information.IsDir() {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "Chart.yaml"))
	return err == nil
}

// open loads a chart and brings its dependencies where that is asked for.
func (c charts) open(release *Release, path string) (*chart.Chart, error) {
	loaded, err := loader.Load(path)
	if err != nil {
		return nil, err
	}
	if loaded.Metadata.Dependencies == nil {
		return loaded, nil
	}
	err = action.CheckDependencies(loaded, loaded.Metadata.Dependencies)
	if err == nil || !release.DependencyUpdate {
		return loaded, err
	}
	manager := downloader.Manager{
		Out: io.Discard, ChartPath: path, Keyring: release.Keyring, Getters: getter.All(c.settings),
		RepositoryConfig: c.settings.RepositoryConfig, RepositoryCache: c.settings.RepositoryCache, RegistryClient: c.registry,
	}
	if err := manager.Update(); err != nil {
		return nil, err
	}
	return loader.Load(path)
}
