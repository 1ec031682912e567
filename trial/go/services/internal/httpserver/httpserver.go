// Package httpserver runs an HTTP handler until its context ends.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// TLS names the PEM files of a server certificate and its key.
type TLS struct {
	Certificate string
	Key         string
}

// HealthPath answers 200 to anybody on every server, so that whoever started it knows when it is ready.
const HealthPath = "/healthz"

const shutdownTime = 5 * time.Second

// Serve answers requests on the address with handler, over HTTPS when files is not nil, until ctx ends.
func Serve(ctx context.Context, address string, handler http.Handler, files *TLS) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+HealthPath, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("/", handler)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		stopped <- server.Shutdown(deadline)
	}()
	if files == nil {
		err = server.Serve(listener)
	} else {
		err = server.ServeTLS(listener, files.Certificate, files.Key)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
