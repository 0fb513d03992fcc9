package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// compareMemory is what -seed asks for. It reports whether every claim holds.
func compareMemory(ctx context.Context, b bench, o options, tusdBinary, plateauBinary string, stdout io.Writer) (bool, error) {
	seed, fake := filepath.Join(b.work, "seed"), filepath.Join(b.work, "broker")
	for _, binary := range []string{seed, fake} {
		if err := goBuild(ctx, ".", binary, "./"+filepath.Base(binary)); err != nil {
			return false, err
		}
	}
	b.content = make([]byte, curveSize)
	_, _ = rand.Read(b.content) // it never fails
	c := &comparison{
		bench: b, subjects: subjects(seed, plateauBinary, tusdBinary), fake: fake,
		uploads: cmp.Or(o.uploads, b.scale(8_000, 300)),
	}
	curves, err := c.run(ctx, strings.Split(o.only, ","))
	if err != nil {
		return false, err
	}
	checked := check(claimed(curves), claims(c.uploads))
	fmt.Fprintf(stdout, "%s\n%s", memoryTable(curves), verdicts(checked))
	for path, content := range map[string]string{
		o.out:     memoryPage(c, curves, checked, o.picture, time.Now()),
		o.picture: picture(curves, c.uploads).svg(),
	} {
		if path == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return false, fmt.Errorf("write results: %w", err)
		}
	}
	return allMet(checked), nil
}
