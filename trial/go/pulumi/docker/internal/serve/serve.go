// Package serve runs a resource plugin as the engine expects it: one line with the port on standard output, then gRPC
// until the engine goes away or asks to stop.
package serve

import (
	"context"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"google.golang.org/grpc"
)

const (
	// healthInterval is how often the plugin looks whether its engine is still there.
	healthInterval = 5 * time.Second
	// leaveWithin bounds how long cancelled operations may take to record what became of them: the engine kills a
	// plugin five seconds after its signal. Without running operations the plugin leaves at once.
	leaveWithin = 4500 * time.Millisecond
)

// Provider is a resource plugin that can be told to end what it is doing.
type Provider interface {
	pulumirpc.ResourceProviderServer
	// Connect gives the address of the engine.
	Connect(engineAddress string) error
	// Abort ends running operations; it must return at once.
	Abort()
}

// Main serves the provider and returns the exit code of the process.
func Main(provider Provider, version string) int {
	// The engine passes logging and tracing flags to every plugin; they are taken and have no effect here, because
	// their output could hold values of secrets.
	flags := flag.NewFlagSet(os.Args[0], flag.ContinueOnError)
	flags.Bool("logtostderr", false, "accepted, without effect")
	flags.Bool("logflow", false, "accepted, without effect")
	flags.Int("v", 0, "accepted, without effect")
	flags.String("tracing", "", "accepted, without effect")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	if *showVersion {
		fmt.Println(version)
		return 0
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engineAddress := flags.Arg(0); engineAddress != "" {
		if err := provider.Connect(engineAddress); err != nil {
			fmt.Fprintf(os.Stderr, "the engine at %s can't be reached: %v\n", engineAddress, err)
			return 1
		}
		if err := rpcutil.Healthcheck(ctx, engineAddress, healthInterval, abandon(ctx)); err != nil {
			fmt.Fprintf(os.Stderr, "the engine at %s can't be watched: %v\n", engineAddress, err)
			return 1
		}
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintf(os.Stderr, "no port could be opened on loopback: %v\n", err)
		return 1
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32))
	pulumirpc.RegisterResourceProviderServer(server, provider)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		stopServer(server, provider)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "serving the plugin failed: %v\n", err)
		return 1
	}
	return 0
}

// abandon gives what to do when the engine is gone: leave as if killed with it. Tidying up would take minutes in which
// nobody listens, and would hide from the next update that the last one was cut off.
func abandon(ctx context.Context) func() {
	return func() {
		if ctx.Err() == nil {
			os.Exit(1)
		}
	}
}

// stopServer ends the running operations and waits for their answers, though not for long.
func stopServer(server *grpc.Server, provider Provider) {
	provider.Abort()
	done := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(leaveWithin):
		server.Stop()
	}
}
