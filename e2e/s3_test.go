package e2e

import (
	"context"
	"testing"

	"plateau/store/s3/s3test"
)

// onS3 starts a server over a bucket of its own.
func onS3(ctx context.Context, t *testing.T, flags ...string) *plateau {
	t.Helper()
	return startOver(ctx, t, newBucket(t), flags...)
}

// newBucket makes a bucket in the gateway that all tests share.
func newBucket(t *testing.T) *bucket {
	t.Helper()
	return bucketIn(t, binaries.gateway.Gateway(t))
}

// newBucketBehind makes a bucket in that gateway, with a proxy before it.
func newBucketBehind(t *testing.T) *bucket {
	t.Helper()
	b := newBucket(t)
	b.proxy = s3test.StartProxy(t, b.gateway)
	return b
}

// bucketIn makes a bucket in a gateway.
func bucketIn(t *testing.T, g *s3test.Gateway) *bucket {
	t.Helper()
	return &bucket{gateway: g, name: g.NewBucket(t)}
}

// startOver starts a server over a bucket, behind its proxy if it has one, and ends it with the test.
func startOver(ctx context.Context, t *testing.T, b *bucket, flags ...string) *plateau {
	t.Helper()
	p := newPlateauOver(t, b, flags...)
	p.start(ctx, t)
	return p
}

// newPlateauOver is a server over a bucket that is to be started.
func newPlateauOver(t *testing.T, b *bucket, flags ...string) *plateau {
	t.Helper()
	p := newPlateau(t, binaries.plateau, t.TempDir(), append(b.flags(), flags...)...)
	p.bucket, p.env = b, b.env()
	return p
}

func (b *bucket) endpoint() string {
	if b.proxy != nil {
		return b.proxy.Endpoint
	}
	if b.network != nil {
		return "http://" + b.network.proxy.Listen
	}
	return b.gateway.Endpoint
}

func (b *bucket) flags() []string {
	return []string{"--store", "s3", "--s3-bucket", b.name, "--s3-endpoint", b.endpoint(), "--s3-region", b.gateway.Region}
}

func (b *bucket) env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + b.gateway.AccessKey, "AWS_SECRET_ACCESS_KEY=" + b.gateway.SecretKey,
		"AWS_SESSION_TOKEN=", "AWS_EC2_METADATA_DISABLED=true", "AWS_PROFILE=", "AWS_CA_BUNDLE=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}
