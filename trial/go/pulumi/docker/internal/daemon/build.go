package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"astro-dbt.local/pulumi/docker/internal/buildcontext"
	"astro-dbt.local/pulumi/docker/internal/image"

	"github.com/distribution/reference"
	buildtypes "github.com/docker/docker/api/types/build"
	imagetypes "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/opencontainers/go-digest"
)

// Job is one build.
type Job struct {
	Docker      *client.Client
	Credentials *Credentials
	// Secrets are texts that must not be shown, on top of the credentials.
	Secrets []string
	// Status shows what is going on; Info and Warning show what stays.
	Status, Info, Warning func(string)
}

// Result is what became of a build.
type Result struct {
	// Dockerfile is its path relative to the context.
	Dockerfile string
	// RepoDigest is name@sha256:… of a pushed image, the local image's ID otherwise.
	RepoDigest string
}

// Run builds the image and, when push is set, pushes it.
func (j *Job) Run(ctx context.Context, wanted image.Image, push bool) (Result, error) {
	redact := redactor(append(j.Credentials.secrets(), j.Secrets...))
	shown := *j
	for _, show := range []*func(string){&shown.Status, &shown.Info, &shown.Warning} {
		original := *show
		*show = func(text string) { original(redact(text)) }
	}
	result, err := shown.run(ctx, wanted, push)
	if err != nil {
		return result, hidden{error: err, text: redact(err.Error())}
	}
	return result, nil
}

// hidden is an error whose text was cleaned.
type hidden struct {
	error
	text string
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.error }

func (j *Job) run(ctx context.Context, wanted image.Image, push bool) (Result, error) {
	named, err := reference.ParseNormalizedNamed(wanted.Name)
	if err != nil {
		return Result{}, fmt.Errorf("imageName %q is not an image reference: %w", wanted.Name, err)
	}
	archive, err := buildcontext.Open(wanted.Build.Context, wanted.Build.Dockerfile)
	if err != nil {
		return Result{}, err
	}
	defer archive.Close() //nolint:errcheck // only read
	result := Result{Dockerfile: archive.Relative}
	j.pullCaches(ctx, wanted)
	if err := j.build(ctx, wanted, archive); err != nil {
		return result, err
	}
	inspected, err := j.Docker.ImageInspect(ctx, wanted.Name)
	if err != nil {
		return result, fmt.Errorf("unable to find built image in local image store: %w", err)
	}
	if !push {
		result.RepoDigest = inspected.ID
		return result, nil
	}
	pushed, err := j.push(ctx, wanted)
	if err != nil {
		return result, err
	}
	if pushed != "" {
		pinned, err := reference.WithDigest(reference.TrimNamed(named), pushed)
		if err != nil {
			return result, err
		}
		result.RepoDigest = pinned.String()
		return result, nil
	}
	j.Warning("Push completed without reporting a digest; falling back to local image inspect")
	if inspected, err = j.Docker.ImageInspect(ctx, wanted.Name); err != nil {
		return result, err
	}
	for _, candidate := range inspected.RepoDigests {
		if parsed, err := reference.ParseNormalizedNamed(candidate); err == nil && parsed.Name() == named.Name() {
			result.RepoDigest = parsed.String()
			return result, nil
		}
	}
	return result, fmt.Errorf("the registry's digest of %s is not known after its push", wanted.Name)
}

func (j *Job) build(ctx context.Context, wanted image.Image, archive *buildcontext.Archive) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := buildtypes.ImageBuildOptions{
		Tags: []string{wanted.Name}, Dockerfile: archive.Dockerfile, BuildArgs: wanted.Build.Args, Target: wanted.Build.Target,
		Platform: wanted.Build.Platform, NetworkMode: wanted.Build.Network, ExtraHosts: wanted.Build.AddHosts,
		CacheFrom: wanted.Build.CacheFrom, AuthConfigs: j.Credentials.all, Version: buildtypes.BuilderBuildKit,
	}
	if wanted.Build.Classic || !j.hasBuildKit() {
		options.Version = buildtypes.BuilderV1
	} else {
		closeSession, err := j.openSession(ctx, &options)
		if err != nil {
			return err
		}
		defer closeSession()
	}
	j.Status("Starting Docker build")
	response, err := j.Docker.ImageBuild(ctx, archive, options)
	if err != nil {
		return fmt.Errorf("error building image: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	built := ""
	err = follow(response.Body, j.Status, func(aux json.RawMessage) bool {
		var result buildtypes.Result
		if json.Unmarshal(aux, &result) != nil || result.ID == "" {
			return false
		}
		built = result.ID
		return true
	})
	if err != nil {
		return fmt.Errorf("error reading build output: %w", err)
	}
	if built == "" {
		return errors.New("no image id found in build output")
	}
	j.Status(fmt.Sprintf("Image built successfully, local id %q", built))
	return nil
}

// hasBuildKit tells whether the engine's API knows BuildKit; such engines have it also where it is not their default.
func (j *Job) hasBuildKit() bool {
	return !versions.LessThan(j.Docker.ClientVersion(), "1.39")
}

// openSession lets BuildKit ask here for the credentials of private base images and caches.
func (j *Job) openSession(ctx context.Context, options *buildtypes.ImageBuildOptions) (func(), error) {
	opened, err := session.NewSession(ctx, identity.NewID())
	if err != nil {
		return nil, err
	}
	opened.Allow(authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{ConfigFile: j.Credentials.file}))
	dial := func(ctx context.Context, protocol string, meta map[string][]string) (net.Conn, error) {
		return j.Docker.DialHijack(ctx, "/session", protocol, meta)
	}
	go func() {
		if err := opened.Run(ctx, dial); err != nil && ctx.Err() == nil {
			j.Warning(fmt.Sprintf("Error running BuildKit session: %v", err))
		}
	}()
	options.SessionID = opened.ID()
	return func() { _ = opened.Close() }, nil
}

// pullCaches brings the images that cacheFrom names; one that can't be had makes a build slow, not wrong.
func (j *Job) pullCaches(ctx context.Context, wanted image.Image) {
	for _, cache := range wanted.Build.CacheFrom {
		j.Status("Pulling cached image " + cache)
		if err := j.download(ctx, cache, wanted.Build.Platform, j.Status); err != nil {
			j.Info(fmt.Sprintf("cacheFrom image %s not available: %v", cache, err))
		}
	}
}

// push gives the digest that the registry reports; it is empty when the engine does not tell.
func (j *Job) push(ctx context.Context, wanted image.Image) (digest.Digest, error) {
	if warning := Warning(wanted.Registry); warning != "" {
		j.Warning(warning)
	}
	server, err := ServerOf(wanted)
	if err != nil {
		return "", err
	}
	header, err := j.Credentials.header(server)
	if err != nil {
		return "", fmt.Errorf("the credentials of the registry %s can't be read: %w", server, err)
	}
	j.Status("Pushing Image to the registry")
	stream, err := j.Docker.ImagePush(ctx, wanted.Name, imagetypes.PushOptions{RegistryAuth: header})
	if err != nil {
		return "", fmt.Errorf("error pushing image: %w", err)
	}
	defer stream.Close() //nolint:errcheck // only read
	var pushed digest.Digest
	err = follow(stream, j.Status, func(aux json.RawMessage) bool {
		var result struct{ Digest string }
		if json.Unmarshal(aux, &result) != nil {
			return false
		}
		parsed, err := digest.Parse(result.Digest)
		if err != nil {
			return false
		}
		pushed = parsed
		return true
	})
	if err != nil {
		return "", fmt.Errorf("error reading push output: %w", err)
	}
	return pushed, nil
}
