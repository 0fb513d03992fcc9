package e2e

import (
	"strings"
	"testing"
)

// TestS3Clients is TestClients and TestClientOptions over S3: shorter, and each client once or twice. PLATEAU_E2E=full runs all of
// both, save for POSTs with data that are cut: of such a POST nothing is left on S3.
// tusgo's way to stream is left to that too, which runs without the race detector: when an answer comes before the body's end, tusgo itself
// has one (counter.go).
func TestS3Clients(t *testing.T) {
	size, kills := int64(20_000_000), 3
	list := []attempt{
		{name: "tus-js-client", start: js(job{Options: map[string]any{"chunkSize": 5_000_000}})},
		{name: "tus-js-client/whole", start: js(job{})},
		{name: "tus-js-client/parallelUploads", start: js(job{Options: map[string]any{"parallelUploads": 3}}), writers: 3, uploads: 4},
		{name: "tusgo", start: viaTusgo(tusgoUpload{chunk: 2 << 20})},
		{name: "go-tus", start: viaGotus(gotusUpload{chunk: 2 << 20})},
	}
	empty := []attempt{{name: "tus-js-client/empty", start: js(job{Source: "buffer"})}}
	if fullWanted() {
		const tiny = 256 << 10
		size, kills = 60_000_000, 5
		for _, a := range attempts(tiny, size) {
			if !strings.Contains(a.name, "uploadDataDuringCreation") {
				list = append(list, a)
			}
		}
		empty = emptyAttempts(tiny)
	}
	for _, a := range list {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.survives(t, onS3, size, kills)
		})
	}
	for _, a := range empty {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.survivesEmpty(t, onS3)
		})
	}
}

// TestS3Curl is TestCurl and TestReadmeForm over S3.
func TestS3Curl(t *testing.T) {
	t.Run("tus", func(t *testing.T) { curls(t, onS3) })
	t.Run("form", func(t *testing.T) { sendsForm(t, onS3) })
}

// TestS3FinalAnswerLost is TestFinalAnswerLost over S3.
func TestS3FinalAnswerLost(t *testing.T) { losesFinalAnswer(t, onS3) }

// TestS3ReadmeClients is TestReadmeClients over S3.
func TestS3ReadmeClients(t *testing.T) {
	t.Run("tus-js-client", func(t *testing.T) {
		t.Parallel()
		goesOn(t, onS3, readmeNode)
	})
	t.Run("tusgo", func(t *testing.T) {
		t.Parallel()
		goesOn(t, onS3, readmeGo)
	})
}

// TestS3PageThroughCutsAndKills is TestPageThroughCutsAndKills over S3.
func TestS3PageThroughCutsAndKills(t *testing.T) {
	t.Parallel()
	pageThroughCutsAndKills(t, onS3, 30_000_000, 3)
}
