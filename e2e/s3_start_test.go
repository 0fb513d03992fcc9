package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/store/s3/s3test"
)

// TestS3OverTLS uploads to a bucket that is behind TLS.
func TestS3OverTLS(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	b := bucketIn(t, s3test.StartTLS(t))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, b.gateway.CA, 0o600))
	server := newPlateauOver(t, b)
	server.env = append(server.env, "AWS_CA_BUNDLE="+ca)
	server.start(ctx, t)
	j := newJourney(ctx, t, server)
	for _, size := range []int{0, 4096, 20_000_000} {
		content := randomBytes(random, size)
		for _, l := range []leg{{inPOST: size}, {inPOST: -1, chunk: 7_000_000}} {
			id := idOf(j.upload(content, l))
			newTus(ctx, server.files).mustGet(t, id, content)
		}
	}
	join(j, randomBytes(random, 12_000_000), leg{inPOST: -1, partial: true})
	if len(j.troubles) > 0 {
		t.Errorf("a client heard %q", j.troubles)
	}
	server.awaitDelivered(ctx, t, nil)
	if got := len(server.delivered(t)); got != 7 {
		t.Errorf("%d events, want 7", got)
	}
}

// TestS3WrongSettings starts servers whose settings don't fit the bucket. They end, and say in words what is wrong.
func TestS3WrongSettings(t *testing.T) {
	ctx := bounded(t)
	good := newBucket(t)
	for name, c := range map[string]struct {
		flags, env []string
		want       string
	}{
		"bucket":     {flags: []string{"--s3-bucket", "no-such-bucket"}, want: "there is no bucket no-such-bucket"},
		"region":     {flags: []string{"--s3-region", "us-west-2"}, want: "the region us-west-2 is wrong"},
		"secret key": {env: []string{"AWS_SECRET_ACCESS_KEY=wrong"}, want: "doesn't take the credentials"},
		"access key": {env: []string{"AWS_ACCESS_KEY_ID=nobody"}, want: "doesn't take the credentials"},
		"no keys":    {env: []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}, want: "no credentials were found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newPlateauOver(t, good, c.flags...)
			server.env = append(server.env, c.env...)
			server.process.start(t)
			if code := server.wait(ctx, t); code != 2 {
				t.Errorf("the server ended with code %d, want 2", code)
			}
			if said := server.log.String(); !strings.Contains(said, c.want) {
				t.Errorf("the log doesn't say %q", c.want)
			}
		})
	}
}

// TestS3NotThereYet starts a server while its bucket is away. It serves, says so in its log and at /readyz, and uploads hear that it
// passes; when the bucket is there, they go through.
func TestS3NotThereYet(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), newBucketBehind(t)
	b.proxy.Away(true)
	server := startOver(ctx, t, b)
	client := newTus(ctx, server.files)
	await(ctx, t, "/readyz says what is wrong", func() bool {
		a := client.get("/readyz")
		if a.status != http.StatusOK {
			t.Fatalf("/readyz: %v", a)
		}
		return strings.Contains(a.body, "S3: the endpoint") && strings.Contains(server.log.String(), "can't be reached")
	})
	if a := client.create(4, nil); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("POST: %v, want 503 with Retry-After", a)
	}
	if a := client.head("0123456789abcdef0123456789abcdef+0"); a.status != http.StatusLocked {
		t.Errorf("HEAD: %v, want 423", a)
	}
	b.proxy.Away(false)
	newJourney(ctx, t, server).upload([]byte("data"), leg{inPOST: -1})
	await(ctx, t, "/readyz says that all is well", func() bool { return !strings.Contains(client.get("/readyz").body, "S3") })
}
