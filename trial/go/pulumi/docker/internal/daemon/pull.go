package daemon

import (
	"context"

	imagetypes "github.com/docker/docker/api/types/image"
)

// download fetches an image whose layers a build may reuse.
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
