package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/profiling"
	"plateau/store/s3/bucket"
)

const (
	// checkTime is how long a look at the bucket may take: longer than one call, so that
	// it is told of. checkEvery is the pause between two while something is wrong.
	checkTime  = 12 * time.Second
	checkEvery = 15 * time.Second
)

// bucketWatch knows how the bucket fares. It learns that from the calls that are made
// anyway, and makes some of its own only while something is wrong.
type bucketWatch struct {
	bucket *bucket.Bucket
	log    *slog.Logger
	calls  *prometheus.CounterVec
	took   *prometheus.HistogramVec

	mu      sync.Mutex        // guards what follows
	away    string            // in words; empty: it answers
	wrong   string            // in words, of all calls; empty: none is refused for that
	refused map[string]string // in words, by what the right is needed for
	since   time.Time         // when it began that something is wrong
	cause   error             // the last error that says so
	good    bool              // a check has succeeded
	started bool              // the log is told of trouble; before, the start's error tells
	said    []string          // results that the log was told of in this spell of trouble

	running sync.WaitGroup
	end     context.CancelFunc // nil before start
}

func newBucketWatch(log *slog.Logger) *bucketWatch {
	w := &bucketWatch{
		log:     log,
		refused: make(map[string]string),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plateau_s3_calls_total",
			Help: "Calls to S3, each attempt: ok, none (there is no such thing), conflict, away, refused, ended (by us).",
		}, []string{"call", "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "plateau_s3_call_duration_seconds",
			Help: "How long calls to S3 took, each attempt.",
			// From a gateway next door to a part over a slow line.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
		}, []string{"call"}),
	}
	// From 0 on, so that the first failure is a rise.
	for _, call := range []string{"PutObject", "HeadObject", "GetObject", "ListObjectsV2", "DeleteObjects", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		for _, result := range []string{"ok", "away", "refused"} {
			w.calls.WithLabelValues(call, result)
		}
	}
	return w
}

// called is told of each attempt of a call.
func (w *bucketWatch) called(call string, took time.Duration, err error) {
	result := resultOf(err)
	w.calls.WithLabelValues(call, result).Inc()
	w.took.WithLabelValues(call).Observe(took.Seconds())
	if result == "ended" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.learn(call, result, err)
	w.tell()
}

// learn remembers what a call came to. Any answer shows that the endpoint is there. Any
// success shows that there is a bucket which takes our calls, but says of rights only
// that this call has its own. The caller has mu.
func (w *bucketWatch) learn(call, result string, err error) {
	w.away = ""
	switch result {
	case "away":
		w.away = bucket.Words(err)
	case "refused":
		if bucket.Everywhere(err) {
			w.wrong = bucket.Words(err)
		} else {
			w.refused[rightOf(call)] = bucket.Words(err)
		}
	case "none":
		delete(w.refused, rightOf(call)) // HEAD says it of a missing bucket too
	default:
		w.wrong = ""
		delete(w.refused, rightOf(call))
	}
	if result == "away" || result == "refused" {
		w.cause = err
	}
	switch {
	case w.words() == "":
		w.since, w.cause = time.Time{}, nil
	case w.since.IsZero():
		w.since = time.Now()
	}
}

// rightOf is one call for all that need the same right.
func rightOf(call string) string {
	switch call {
	case "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload":
		return "PutObject"
	case "HeadObject":
		return "GetObject"
	case "DeleteObjects":
		return "DeleteObject"
	}
	return call
}

// tell tells the log when trouble begins, and once more if what was away turns out to
// refuse us. That a spell is over is said by run, so that calls which fail now and then
// don't fill the log. The caller has mu.
func (w *bucketWatch) tell() {
	words, kind := w.words(), "refused"
	if w.away != "" {
		kind = "away"
	}
	if words == "" || !w.started || slices.Contains(w.said, kind) {
		return
	}
	w.said = append(w.said, kind)
	w.warn(words, w.cause)
}

func (w *bucketWatch) warn(words string, cause error) {
	w.log.Warn("S3 is in trouble: "+words+"; uploads are told to try again", "error", cause)
}

// resultOf is the result of a call as the metric has it.
func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, bucket.ErrAway):
		return "away"
	case errors.Is(err, bucket.ErrRefused):
		return "refused"
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrNoMultipart), errors.Is(err, bucket.ErrRange):
		return "none"
	case errors.Is(err, bucket.ErrConflict), errors.Is(err, bucket.ErrInvalidParts):
		return "conflict"
	}
	return "ended"
}

// trouble is what is wrong now, in words that anybody may read, and since when; empty
// if nothing is.
func (w *bucketWatch) trouble() (words string, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.words(), w.since
}

// words are those of the worst trouble. The caller has mu.
func (w *bucketWatch) words() string {
	if worst := cmp.Or(w.away, w.wrong); worst != "" || len(w.refused) == 0 {
		return worst
	}
	return slices.Min(slices.Collect(maps.Values(w.refused))) // always the same of several
}

// line is for /readyz.
func (w *bucketWatch) line() string {
	words, since := w.trouble()
	if words == "" {
		return ""
	}
	return fmt.Sprintf("S3: %s, for %s; see the log\n", words, time.Since(since).Round(time.Second))
}

// warnings are for the operator's page.
func (w *bucketWatch) warnings() []profiling.Warning {
	words, since := w.trouble()
	if words == "" {
		return nil
	}
	return []profiling.Warning{warning(profiling.LevelAlarm, "S3: %s, for %s: see the log.", words, time.Since(since).Round(time.Second))}
}

// start looks whether the bucket can be used, and goes on to look while it can't. An
// error says what is wrong for good; an endpoint that is away is none, and is logged.
func (w *bucketWatch) start(ctx context.Context) error {
	err := w.check(ctx)
	if err != nil && !passes(err) {
		return &UsageError{fmt.Errorf("use --store s3: %w", err)}
	}
	ctx, w.end = context.WithCancel(context.WithoutCancel(ctx))
	w.begin()
	w.running.Go(func() { w.run(ctx, err) })
	return nil
}

// begin has the log told of trouble, of what there is already too.
func (w *bucketWatch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = true
	w.tell()
}

// passes reports whether trouble with the bucket may end without anybody's doing.
func passes(err error) bool {
	return errors.Is(err, bucket.ErrAway) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func (w *bucketWatch) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err := w.bucket.Check(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.good = w.good || err == nil
	return err
}

// run checks while something is wrong, and says in the log when nothing is any more.
// failure is what the check at the start found.
func (w *bucketWatch) run(ctx context.Context, failure error) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		w.settle(failure)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		failure = nil
		if words, _ := w.trouble(); words != "" || !w.proven() {
			if failure = w.check(ctx); ctx.Err() != nil {
				return
			}
		}
	}
}

// settle tells the log that a spell of trouble is over, or what a check found that no
// call says by itself.
func (w *bucketWatch) settle(failure error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.words() != "":
	case failure != nil && len(w.said) == 0:
		w.said = []string{"unusable"}
		w.warn("it can't be used", failure)
	case failure == nil && len(w.said) > 0:
		w.said = nil
		w.log.Info("S3 can be used again")
	}
}

func (w *bucketWatch) proven() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.good
}

// stop ends the looking and waits for it.
func (w *bucketWatch) stop() {
	if w.end != nil {
		w.end()
	}
	w.running.Wait()
}
