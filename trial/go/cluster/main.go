// Command trial-cluster holds every component of the trial's Kubernetes control plane in one binary.
//
// The component is the base name the binary was called by (a link named kubectl is kubectl), else the first
// argument. One binary shares one build and one link step: the components have most of their packages in common.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	// Time zones of CronJobs, without a zoneinfo database on the machine.
	_ "time/tzdata"

	// Authentication plugins of kubectl, the JSON log format and the metrics of the client library.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// component runs one program with os.Args set as if it had been started under its own name; it returns the exit code.
type component func() int

func main() {
	called := filepath.Base(os.Args[0])
	if run, ok := components[called]; ok {
		os.Exit(run())
	}
	if len(os.Args) < 2 {
		usage("which component?")
	}
	run, ok := components[os.Args[1]]
	if !ok {
		usage(fmt.Sprintf("no component is called %q.", os.Args[1]))
	}
	os.Args = os.Args[1:]
	os.Exit(run())
}

func usage(problem string) {
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "trial-cluster: %s Use: trial-cluster <component> [arguments], with one of: %s\n",
		problem, strings.Join(names, ", "))
	os.Exit(2)
}
