package e2e

import "testing"

// s3SlowLimit is what a slow upload may cost over S3, in bytes.
const s3SlowLimit = 100_000

// TestS3SlowClients is TestSlowClients over S3: what the slow have sent waits in temporary files, not in memory.
func TestS3SlowClients(t *testing.T) {
	if raceWanted() {
		t.Skip("the race detector's own memory would be measured")
	}
	ctx := bounded(t)
	slowClients(ctx, t, onS3(ctx, t), s3SlowLimit)
}
