package release

import (
	"fmt"
	"strings"

	"astro-dbt.local/plugins/common/props"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"google.golang.org/protobuf/types/known/structpb"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/postrender"
	helmrelease "helm.sh/helm/v3/pkg/release"
)

// failedError is the error of a release that exists, with a failed status.
type failedError struct {
	release *Release
	cause   error
}

func (e *failedError) Error() string {
	return fmt.Sprintf("failed to become available within allocated timeout. Error: Helm Release %s/%s: %v",
		e.release.Namespace, e.release.Name, e.cause)
}

func (e *failedError) Unwrap() error { return e.cause }

func readInputs(message *structpb.Struct) (resource.PropertyMap, *Release, error) {
	inputs, err := props.Read(message)
	if err != nil {
		return nil, nil, err
	}
	release, err := decode(inputs)
	return inputs, release, err
}

// helm prepares Helm for a namespace. What Helm logs is dropped: it may hold values.
func (s *Service) helm(namespace string, repository *RepositoryOpts) (*action.Configuration, charts, error) {
	places, err := newCharts(s.Cluster.Settings.Helm, repository)
	if err != nil {
		return nil, charts{}, err
	}
	getter, err := s.Cluster.Getter(namespace)
	if err != nil {
		return nil, charts{}, err
	}
	configuration := &action.Configuration{RegistryClient: places.registry}
	err = configuration.Init(getter, namespace, s.Cluster.Settings.Helm.Driver, func(string, ...any) {})
	return configuration, places, err
}

func (s *Service) install(release *Release) error {
	configuration, places, err := s.helm(release.Namespace, release.RepositoryOpts)
	if err != nil {
		return err
	}
	loaded, _, err := places.load(release)
	if err != nil {
		return err
	}
	if err := requireInstallable(loaded); err != nil {
		return err
	}
	values, err := release.helmValues()
	if err != nil {
		return err
	}
	install := action.NewInstall(configuration)
	install.ReleaseName, install.Namespace, install.CreateNamespace = release.Name, release.Namespace, release.CreateNamespace
	install.Atomic, install.Wait, install.Timeout = release.Atomic, !release.SkipAwait, release.Await()
	install.WaitForJobs = !release.SkipAwait && release.WaitForJobs
	install.DisableHooks, install.SkipCRDs = release.DisableWebhooks, release.SkipCrds
	install.DisableOpenAPIValidation, install.SubNotes = release.DisableOpenapiValidation, release.RenderSubchartNotes
	install.Replace, install.Description, install.Devel = release.Replace, release.Description, release.Devel
	install.DependencyUpdate = release.DependencyUpdate
	if install.PostRenderer, err = postRenderer(release); err != nil {
		return err
	}
	installed, failure := install.RunWithContext(s.Context, loaded, values)
	if failure == nil {
		return release.take(installed)
	}
	if installed == nil {
		return failure
	}
	// A failed atomic installation leaves nothing behind.
	if _, err := action.NewGet(configuration).Run(release.Name); err != nil {
		return failure
	}
	if err := release.take(installed); err != nil {
		return err
	}
	return &failedError{release: release, cause: failure}
}

func (s *Service) upgrade(release *Release) error {
	configuration, places, err := s.helm(release.Namespace, release.RepositoryOpts)
	if err != nil {
		return err
	}
	loaded, path, err := places.load(release)
	if err != nil {
		return err
	}
	values, err := release.helmValues()
	if err != nil {
		return err
	}
	if release.Lint {
		if err := lint(path, values); err != nil {
			return err
		}
	}
	upgrade := action.NewUpgrade(configuration)
	upgrade.Namespace, upgrade.Atomic, upgrade.CleanupOnFail = release.Namespace, release.Atomic, release.CleanupOnFail
	upgrade.Wait, upgrade.Timeout = !release.SkipAwait, release.Await()
	upgrade.WaitForJobs = !release.SkipAwait && release.WaitForJobs
	upgrade.DisableHooks, upgrade.SubNotes, upgrade.Devel = release.DisableCRDHooks, release.RenderSubchartNotes, release.Devel
	upgrade.Force, upgrade.Recreate = release.ForceUpdate, release.RecreatePods
	upgrade.ResetValues, upgrade.ReuseValues = release.ResetValues, release.ReuseValues
	upgrade.Description = release.Description
	if release.MaxHistory != nil {
		upgrade.MaxHistory = *release.MaxHistory
	}
	if upgrade.PostRenderer, err = postRenderer(release); err != nil {
		return err
	}
	upgraded, failure := upgrade.RunWithContext(s.Context, release.Name, loaded, values)
	if failure == nil {
		return release.take(upgraded)
	}
	if upgraded == nil {
		return failure
	}
	if err := release.take(upgraded); err != nil {
		return err
	}
	return &failedError{release: release, cause: failure}
}

func (s *Service) uninstall(release *Release) (string, error) {
	configuration, _, err := s.helm(release.Namespace, release.RepositoryOpts)
	if err != nil {
		return "", err
	}
	uninstall := action.NewUninstall(configuration)
	if release.Atomic || !release.SkipAwait {
		uninstall.Wait, uninstall.Timeout = true, release.Await()
	}
	// Helm's uninstall takes no context, so a cancelled one is left alone rather than waited for.
	type outcome struct {
		response *helmrelease.UninstallReleaseResponse
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		response, err := uninstall.Run(release.Name)
		done <- outcome{response, err}
	}()
	select {
	case result := <-done:
		if result.err != nil {
			return "", result.err
		}
		return result.response.Info, nil
	case <-s.Context.Done():
		return "", fmt.Errorf("uninstalling the release %s/%s was cancelled: %w", release.Namespace, release.Name, s.Context.Err())
	}
}

func postRenderer(release *Release) (postrender.PostRenderer, error) {
	if release.Postrender == "" {
		return nil, nil
	}
	return postrender.NewExec(release.Postrender)
}

func requireInstallable(loaded *chart.Chart) error {
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("%s charts are not installable", kind)
	}
	return nil
}

func lint(path string, values map[string]any) error {
	result := action.NewLint().Run([]string{path}, values)
	if len(result.Errors) == 0 {
		return nil
	}
	texts := make([]string, 0, len(result.Errors))
	for _, err := range result.Errors {
		texts = append(texts, err.Error())
	}
	return fmt.Errorf("malformed chart or values: %s", strings.Join(texts, "; "))
}
