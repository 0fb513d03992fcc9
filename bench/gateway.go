package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	s3Region    = "us-east-1"
	s3AccessKey = "bench"
	s3SecretKey = "bench-secret"
	// gatewayTemporary is where versitygw makes each file of a bucket, before it gets its name.
	gatewayTemporary = ".sgwtmp"
)

// gateway is the S3 server under all runs on S3: versitygw, for which a bucket is a folder and an object a file. Its data lies on
// the same disk as that of all other runs.
type gateway struct {
	*process
	folder string // of buckets
}

// startGateway starts one; the caller must call kill.
func (b *bench) startGateway(ctx context.Context, binary string) (*gateway, error) {
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("find versitygw (make e2e/s3/bin/versitygw): %w", err)
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, fmt.Errorf("find versitygw: %w", err)
	}
	folder, err := os.MkdirTemp(b.work, "gateway-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	buckets := filepath.Join(folder, "buckets")
	if err := os.Mkdir(buckets, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if err := spread(buckets); err != nil {
		return nil, err
	}
	p, err := start(ctx, server{
		name: "versitygw", binary: binary, ready: "GET /healthy",
		environment: []string{"ROOT_ACCESS_KEY=" + s3AccessKey, "ROOT_SECRET_KEY=" + s3SecretKey},
		args: func(addr, _, _ string) []string {
			return []string{"--port", addr, "--region", s3Region, "--keep-alive", "--quiet", "--health", "/healthy", "posix", buckets}
		},
	}, folder)
	if err != nil {
		return nil, err
	}
	return &gateway{p, buckets}, nil
}

// check reports whether the gateway still runs. There may be none.
func (g *gateway) check() error {
	if g == nil {
		return nil
	}
	return g.process.check()
}

// bucket makes one, and returns its folder, of whose name it has the last part.
func (g *gateway) bucket() (string, error) {
	folder := filepath.Join(g.folder, "bench-"+strings.ToLower(rand.Text()))
	if err := os.MkdirAll(filepath.Join(folder, gatewayTemporary), 0o755); err != nil {
		return "", fmt.Errorf("make a bucket: %w", err)
	}
	return folder, nil
}

// onS3 lets a server keep its uploads on S3 at the address.
func (s server) onS3(addr string) server {
	s.endpoint = "http://" + addr
	s.environment = []string{
		"AWS_ACCESS_KEY_ID=" + s3AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3SecretKey, "AWS_REGION=" + s3Region,
	}
	return s
}

// keeping lets a server on S3 use the bucket with this folder.
func (s server) keeping(bucket string) server {
	s.uploads = bucket
	return s.with("--s3-bucket", filepath.Base(bucket), "--s3-endpoint", s.endpoint)
}
