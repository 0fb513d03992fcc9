package s3test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// build is the command that makes the gateway's program, and where that lies, both as seen from the project's folder.
const (
	build = "make e2e/s3/bin/versitygw"
	built = "e2e/s3/bin/versitygw"
)

// needProgram returns the gateway's program, or skips the test for want of it.
func needProgram(t testing.TB) string {
	t.Helper()
	program, err := findProgram()
	if err == nil {
		return program
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if list := os.Getenv("PLATEAU_E2E_MISSING"); list != "" {
		file, openErr := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if openErr != nil {
			t.Fatal(openErr)
		}
		defer file.Close()
		fmt.Fprintf(file, "%s was left out: %v\n", t.Name(), err)
	}
	t.Skip(err)
	return ""
}

// findProgram looks in this folder, where go test runs the tests of a package, and in those above it.
func findProgram() (string, error) {
	if given := os.Getenv("PLATEAU_VERSITYGW"); given != "" {
		return filepath.Abs(given)
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		program := filepath.Join(folder, filepath.FromSlash(built))
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", errors.New("versitygw is missing; install it: " + build)
		}
		folder = above
	}
}
