package e2e

import (
	"bytes"
	"context"
	"maps"
	"syscall"
	"testing"
)

// startTusdOver starts tusd over a bucket.
func startTusdOver(ctx context.Context, t *testing.T, b *bucket) (*process, string) {
	t.Helper()
	return startTusdWith(ctx, t, append(b.env(), "AWS_REGION="+b.gateway.Region), "-s3-bucket", b.name, "-s3-endpoint", b.endpoint())
}

// TestS3TakesOverFromTusd lets Plateau finish a bucket that tusd has half written: small uploads, of which tusd keeps all in a tail,
// and a large one, whose parts have sizes that Plateau would not choose.
func TestS3TakesOverFromTusd(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, random, b := bounded(t), seeded(t), newBucket(t)
			tusd, files := startTusdOver(ctx, t, b)
			first := newTus(ctx, files)
			h := begin(t, random, first)
			content := randomBytes(random, 30_000_000)
			large := first.mustCreate(t, int64(len(content)), nil)
			first.mustPatch(t, large, 0, content[:6_000_000])
			first.mustPatch(t, large, 6_000_000, content[6_000_000:6_100_000])
			tusd.signal(sig)
			tusd.wait(ctx, t)

			server := startOver(ctx, t, b)
			client := newTus(ctx, server.files)
			final := h.end(t, client)
			client.mustHead(t, large, 6_100_000)
			client.mustPatch(t, large, 6_100_000, content[6_100_000:16_000_000])
			client.mustHead(t, large, 16_000_000)
			client.mustPatch(t, large, 16_000_000, content[16_000_000:])
			client.mustGet(t, large, content)
			ids := []string{idOf(h.plain), idOf(h.deferred), idOf(final), idOf(large)}
			want := map[string]int{}
			for _, id := range ids {
				want[id] = 1
				if !b.sealed(id) {
					t.Errorf("there is no object of %s", id)
				}
			}
			server.awaitDelivered(ctx, t, ids)
			if got := server.events(); !maps.Equal(got, want) {
				t.Errorf("events by upload: %v, want %v: none for what tusd finished or for parts", got, want)
			}
		})
	}
}

// TestS3HandsOverToTusd lets tusd finish what Plateau has begun in a bucket, and read what Plateau has finished; and Plateau take it
// back. Tusd knows only uploads that have a multipart upload from the start, which Plateau's have that are larger than one part.
func TestS3HandsOverToTusd(t *testing.T) {
	t.Parallel()
	ctx, random, b := bounded(t), seeded(t), newBucket(t)
	server := startOver(ctx, t, b)
	client := newTus(ctx, server.files)
	content := randomBytes(random, 20_000_000)
	begun, whole := client.mustCreate(t, int64(len(content)), nil), client.mustCreate(t, int64(len(content)), nil)
	small := client.mustCreate(t, 5000, nil)
	const offset = 9_000_000 // one part and a tail
	client.mustPatch(t, begun, 0, content[:offset])
	client.mustPatch(t, whole, 0, content)
	client.mustPatch(t, small, 0, content[:5000])
	server.awaitDelivered(ctx, t, []string{idOf(whole), idOf(small)})
	terminate(ctx, t, server)

	tusd, files := startTusdOver(ctx, t, b)
	other := newTus(ctx, files)
	other.mustHead(t, whole, int64(len(content)))
	other.mustGet(t, whole, content)
	other.mustHead(t, small, 5000)
	other.mustGet(t, small, content[:5000])
	other.mustHead(t, begun, offset)
	other.mustPatch(t, begun, offset, content[offset:])
	other.mustGet(t, begun, content)
	tusd.signal(syscall.SIGTERM)
	tusd.wait(ctx, t)

	server.start(ctx, t)
	for _, address := range []string{begun, whole} {
		client.mustHead(t, address, int64(len(content)))
		client.mustGet(t, address, content)
	}
	if events := server.events(); !maps.Equal(events, map[string]int{idOf(whole): 1, idOf(small): 1}) {
		t.Errorf("events by upload: %v; want one for each that Plateau finished", events)
	}
	if !bytes.Equal([]byte(client.get(small).body), content[:5000]) {
		t.Error("the small upload has changed")
	}
}
