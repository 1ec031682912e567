// Package daemon builds and pushes images through the Docker engine's API.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"
)

// errNoDaemon is what the official plugin says.
var errNoDaemon = errors.New("failed to connect to any docker daemon")

// userSockets are where Docker listens in the home folder of a user who may not use the system's socket.
var userSockets = []string{".docker/run/docker.sock", ".docker/desktop/docker.sock"}

// Endpoint says where the Docker engine is; an empty Host means the usual places.
type Endpoint struct {
	Host     string
	CertPath string
}

// Connect gives a client of an engine that answers.
func (e Endpoint) Connect(ctx context.Context) (*client.Client, error) {
	hosts := []string{e.Host}
	if e.Host == "" {
		hosts = []string{client.DefaultDockerHost}
		if home, err := os.UserHomeDir(); err == nil {
			for _, socket := range userSockets {
				hosts = append(hosts, "unix://"+filepath.Join(home, socket))
			}
		}
	}
	for _, host := range hosts {
		docker, err := e.client(host)
		if err != nil {
			return nil, err
		}
		if _, err := docker.Ping(ctx); err == nil {
			return docker, nil
		}
		_ = docker.Close()
	}
	if e.Host != "" {
		return nil, fmt.Errorf("%w: nothing answers at %s", errNoDaemon, e.Host)
	}
	return nil, errNoDaemon
}

func (e Endpoint) client(host string) (*client.Client, error) {
	options := []client.Opt{client.FromEnv}
	helper, err := connhelper.GetConnectionHelper(host)
	switch {
	case err != nil:
		return nil, err
	case helper != nil:
		options = append(options, client.WithHost(helper.Host), client.WithDialContext(helper.Dialer))
	default:
		if e.CertPath != "" {
			options = append(options, client.WithTLSClientConfig(filepath.Join(e.CertPath, "ca.pem"),
				filepath.Join(e.CertPath, "cert.pem"), filepath.Join(e.CertPath, "key.pem")))
		}
		options = append(options, client.WithHost(host))
	}
	return client.NewClientWithOpts(append(options, client.WithAPIVersionNegotiation())...)
}
