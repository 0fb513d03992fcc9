package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
)

// release is the version that a build without a repository is told by its linker (make binary VERSION=v1.2.3).
var release string

// version prints what the build knows of itself: what it was told, or the module's version, which Go takes from the tag or commit.
func version(_ context.Context, p process) int {
	if len(p.args) > 0 {
		if slices.Contains([]string{"-h", "-help", "--help"}, p.args[0]) {
			return help(p, "version")
		}
		fmt.Fprintf(p.stderr, "plateau: version takes no arguments, but got %q\n", p.args)
		return exitUsage
	}
	_, err := fmt.Fprintf(p.stdout, "plateau %s %s %s/%s\n", versionOf(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return fail(p, fmt.Errorf("write version: %w", err))
	}
	return exitOK
}

// versionOf is this build's version.
func versionOf() string {
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Version
	}
	return cmp.Or(release, module, "(devel)")
}
