// Command trial-services holds the servers that surround the trial's cluster: Git over HTTPS, the chart repository
// and the container registry, each a subcommand. All bind to the address they are given and stop on SIGTERM.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/crypto/bcrypt"

	"astro-dbt.local/services/internal/gitserver"
	"astro-dbt.local/services/internal/httpserver"
	"astro-dbt.local/services/internal/registry"
)

var commands = map[string]func(context.Context, []string) error{
	"git":      serveGit,
	"charts":   serveCharts,
	"registry": serveRegistry,
	"htpasswd": printHtpasswd,
}

const usage = `trial-services <command> [flags]
  git       private Git repositories over HTTPS
  charts    a folder with a Helm repository over HTTP
  registry  a container registry that stores in a folder
  htpasswd  read a password from standard input, print a line for the registry's password file
`

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "trial-services %s: %v\n", os.Args[1], err)
		stop()
		os.Exit(1)
	}
}

func serveGit(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("git", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address and port")
	certificate := flags.String("certificate", "", "server certificate, PEM")
	key := flags.String("key", "", "key of the certificate, PEM")
	repositories := flags.String("repositories", "", "folder with the bare repositories")
	credentials := flags.String("credentials", "", "JSON file: who may read and write which repository; read again at every request")
	accessLog := flags.String("access-log", "", "file that gets one JSON line per request")
	_ = flags.Parse(args)
	handler, err := gitserver.New(gitserver.Config{
		Repositories: *repositories,
		Credentials:  *credentials,
		AccessLog:    *accessLog,
	})
	if err != nil {
		return err
	}
	defer handler.Close()
	return httpserver.Serve(ctx, *listen, handler, &httpserver.TLS{Certificate: *certificate, Key: *key})
}

func serveCharts(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("charts", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address and port")
	folder := flags.String("folder", "", "folder with index.yaml and the packaged charts")
	_ = flags.Parse(args)
	if info, err := os.Stat(*folder); err != nil || !info.IsDir() {
		return fmt.Errorf("-folder %q is not a folder", *folder)
	}
	return httpserver.Serve(ctx, *listen, http.FileServer(http.Dir(*folder)), nil)
}

func serveRegistry(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address and port")
	folder := flags.String("folder", "", "folder the images are stored in")
	passwords := flags.String("htpasswd", "", "password file with bcrypt hashes")
	_ = flags.Parse(args)
	return registry.Serve(ctx, registry.Config{Listen: *listen, Folder: *folder, Passwords: *passwords})
}

func printHtpasswd(_ context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("use: trial-services htpasswd <user>, with the password on standard input")
	}
	input := bufio.NewScanner(os.Stdin)
	if !input.Scan() || input.Text() == "" {
		return errors.New("no password on standard input")
	}
	// The registry computes the hash at each request. The password is random and long, which no hash has to make up for.
	hash, err := bcrypt.GenerateFromPassword([]byte(strings.TrimRight(input.Text(), "\r\n")), bcrypt.MinCost)
	if err != nil {
		return err
	}
	fmt.Printf("%s:%s\n", args[0], hash)
	return nil
}
