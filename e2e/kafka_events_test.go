package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
)

// kafkaPartitions is what the topics of these tests have.
const kafkaPartitions = 5

// TestEventsInKafka uploads with Uppy in Chromium, with tus-js-client and with a POST that carries the bytes, and reads the events
// from Apache Kafka: with kafkajs and the CloudEvents SDK, and with kcat. Each is one valid CloudEvent that says what was uploaded,
// under the upload's id as the key, in the partition that other clients would choose for it.
func TestEventsInKafka(t *testing.T) {
	for _, balancer := range []string{"hash", "murmur2"} {
		t.Run(balancer, func(t *testing.T) {
			t.Parallel()
			ctx, random := bounded(t), seeded(t)
			broker := needKafka(ctx, t)
			needNode(t)
			kcat := needTool(t, "kcat", "kcat")
			topic := broker.topic(ctx, t, "uploads-"+balancer, kafkaPartitions)
			flags := []string{
				"--kafka-brokers", broker.addr, "--kafka-topic", topic, "--kafka-balancer", balancer,
				"--digest", "sha256", "--event-source", "/plateau/e2e",
			}
			var want map[string]upload
			var server *plateau
			if balancer == "hash" {
				s := startSite(ctx, t, flags...)
				server, want = s.server, byBrowser(ctx, t, random, s)
			} else {
				server, want = startPlateau(ctx, t, t.TempDir(), flags...), map[string]upload{}
			}
			maps.Copy(want, byNode(ctx, t, random, server))
			maps.Copy(want, byCreation(ctx, t, random, server, 20))
			await(ctx, t, "no event waits", func() bool { return len(waitingEvents(t, server.data)) == 0 })

			got := readEvents(ctx, t, broker, topic, len(want))
			wantEvents(t, got, want)
			wantKcat(ctx, t, kcat, broker, topic, got)
			if balancer == "murmur2" {
				wantPartitionsOf(ctx, t, kcat, broker, got)
			}
		})
	}
}

// byBrowser uploads a file on the page.
func byBrowser(ctx context.Context, t *testing.T, random *rand.Rand, s *site) map[string]upload {
	t.Helper()
	path, sum := source(t, random, t.TempDir(), "from-uppy.bin", 1_000_000)
	page := s.open(startBrowser(ctx, t, ""))
	page.add(path)
	page.waitFinished("from-uppy.bin")
	id := s.upload("from-uppy.bin").ID
	return map[string]upload{id: {id: id, way: "from-uppy.bin", size: 1_000_000, digest: "sha256:" + sum}}
}

// byNode uploads files with tus-js-client, one of them in parallel parts, which make one event.
func byNode(ctx context.Context, t *testing.T, random *rand.Rand, server *plateau) map[string]upload {
	t.Helper()
	made := map[string]upload{}
	for _, parallel := range []int{1, 3} {
		path, sum := randomFile(t, random, 300_000)
		c := startClient(ctx, t, job{Files: []string{path}, Endpoint: server.files, Options: map[string]any{"parallelUploads": parallel}})
		c.wait(ctx, t)
		for _, h := range c.heard(t) {
			if h.Event == "success" {
				id := idOf(h.URL)
				made[id] = upload{id: id, way: "file-0", size: 300_000, digest: "sha256:" + sum}
			}
		}
	}
	if len(made) != 2 {
		t.Fatalf("tus-js-client made %d uploads, want 2", len(made))
	}
	return made
}

// byCreation uploads by POSTs that carry the bytes, each with a name that is hard on whoever encodes it.
func byCreation(ctx context.Context, t *testing.T, random *rand.Rand, server *plateau, n int) map[string]upload {
	t.Helper()
	made, client := map[string]upload{}, newTus(ctx, server.files)
	for i := range n {
		content := randomBytes(random, 1+random.IntN(4096))
		name := fmt.Sprintf("Übung „%d“ <&>\n", i)
		a := client.do(http.MethodPost, client.files, headers{
			"Content-Type": "application/offset+octet-stream", "Upload-Length": strconv.Itoa(len(content)),
			"Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte(name)),
		}, content)
		if a.status != http.StatusCreated {
			t.Fatalf("POST: %v", a)
		}
		id := idOf(a.header.Get("Location"))
		made[id] = upload{id: id, way: name, size: int64(len(content)), digest: digestOf(content)}
	}
	return made
}
