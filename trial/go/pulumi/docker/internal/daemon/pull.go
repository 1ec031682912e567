package daemon

import (
	"context"

	imagetypes "github.com/docker/docker/api/types/image"
)

// Pulled is an image in the engine's store.
type Pulled struct {
	ID         string
	RepoDigest string
}

// Pull fetches an image with the job's credentials.
func (j *Job) Pull(ctx context.Context, name, platform string) (Pulled, error) {
	redact := redactor(append(j.Credentials.secrets(), j.Secrets...))
	pulled, err := j.fetch(ctx, name, platform, func(text string) { j.Status(redact(text)) })
	if err != nil {
		return pulled, hidden{error: err, text: redact(err.Error())}
	}
	return pulled, nil
}

func (j *Job) fetch(ctx context.Context, name, platform string, show func(string)) (Pulled, error) {
	if err := j.download(ctx, name, platform, show); err != nil {
		return Pulled{}, err
	}
	found, err := j.Docker.ImageInspect(ctx, name)
	if err != nil {
		return Pulled{}, err
	}
	pulled := Pulled{ID: found.ID}
	if len(found.RepoDigests) > 0 {
		pulled.RepoDigest = found.RepoDigests[0]
	}
	return pulled, nil
}

func (j *Job) download(ctx context.Context, name, platform string, show func(string)) error {
	server, err := ServerOfReference(name)
	if err != nil {
		return err
	}
	header, err := j.Credentials.header(server)
	if err != nil {
		return err
	}
	stream, err := j.Docker.ImagePull(ctx, name, imagetypes.PullOptions{RegistryAuth: header, Platform: platform})
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // only read
	return follow(stream, show, nil)
}

// Remove takes an image out of the engine's store; one that is not there is no error.
func (j *Job) Remove(ctx context.Context, id string) error {
	if _, err := j.Docker.ImageInspect(ctx, id); err != nil {
		return nil //nolint:nilerr // it is gone already
	}
	_, err := j.Docker.ImageRemove(ctx, id, imagetypes.RemoveOptions{})
	return err
}
