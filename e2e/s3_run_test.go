package e2e

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"plateau/store/s3/s3test"
)

// s3Run is the run of one way through the calls that the server makes for it, over a bucket behind a proxy.
type s3Run struct {
	t        *testing.T
	ctx      context.Context
	way      s3Way
	server   *plateau
	bucket   *bucket
	listener *listener // nil: events are printed
	random   *rand.Rand
	content  []byte
	cases    int
	sent     map[string]bool // the digests of all that was sent
	judged   map[string]bool // the objects that an earlier case has made
	strays   map[string]bool // the ids whose events wait though they will never be finished, which nobody knows yet
}

func newS3Run(ctx context.Context, t *testing.T, way s3Way, flags ...string) *s3Run {
	t.Helper()
	r := &s3Run{
		t: t, ctx: ctx, way: way, bucket: newBucketBehind(t), random: seeded(t),
		sent: map[string]bool{}, judged: map[string]bool{}, strays: map[string]bool{},
	}
	r.content = randomBytes(r.random, way.size)
	if way.held {
		r.listener = listen(t)
		flags = append(flags, "--webhook-url", r.listener.server.URL)
	}
	r.server = newPlateauOver(t, r.bucket, flags...)
	if way.held {
		r.server.out = r.listener.out
	}
	r.server.start(ctx, t)
	return r
}

// counted says whether a call is one for an upload or its event: others a server makes by itself, at any time.
func (r *s3Run) counted() func(s3test.Call) bool {
	strays := map[string]bool{}
	for id := range r.strays {
		strays[objectOf(id)] = true
	}
	return func(c s3test.Call) bool {
		switch c.Operation {
		case s3test.ListObjectsV2, s3test.ListMultipartUploads, s3test.HeadBucket:
			return false
		}
		object, _, _ := strings.Cut(c.Key[strings.LastIndexByte(c.Key, '/')+1:], ".")
		return !strings.HasPrefix(c.Key, "check/") && !strays[object]
	}
}

// pace says at which call to begin, and how far it is to the next.
func (r *s3Run) pace() (first, stride int) {
	if r.way.stride == 0 || fullWanted() {
		return 1, 1
	}
	return 1 + r.random.IntN(r.way.stride), r.way.stride
}

// fresh is content that no upload has had, unless it is empty.
func (r *s3Run) fresh() []byte {
	r.cases++
	if content := r.content; len(content) > 0 {
		binary.BigEndian.PutUint32(content, uint32(r.cases))
		binary.BigEndian.PutUint32(content[half(content):], uint32(r.cases))
		r.sent[digestOf(content[:half(content)])], r.sent[digestOf(content[half(content):])] = true, true
	}
	r.sent[digestOf(r.content)] = true
	return r.content
}

// with runs the way once. decide is asked what becomes of the nth counted call.
func (r *s3Run) with(what string, prepare func(*journey), decide func(n int, c s3test.Call) s3test.Fault) {
	r.t.Helper()
	whole := r.ctx
	defer func() { r.ctx = whole }()
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithTimeout(whole, testTimeout)
	defer cancel()
	j := newJourney(r.ctx, r.t, r.server)
	prepare(j)
	content, counted, n := r.fresh(), r.counted(), 0
	if r.listener != nil {
		r.listener.deaf.Store(true)
	}
	r.bucket.proxy.Forget()
	r.bucket.proxy.On(func(c s3test.Call) s3test.Fault {
		if !counted(c) {
			return s3test.Pass()
		}
		n++
		return decide(n, c)
	})
	r.way.goes(j, content)
	j.hindered() // nobody is left who could be
	if r.listener != nil {
		r.listener.deaf.Store(false)
	}
	r.judge(j)
	if r.t.Failed() {
		for _, c := range r.bucket.proxy.Calls() {
			r.t.Logf("%s %s/%s %s: answered %d, heard %d", c.Operation, c.Bucket, c.Key, c.Query.Get("partNumber"), c.Answered, c.Heard)
		}
		r.t.Fatalf("%s; the client heard %q", what, j.troubles)
	}
}

// judge looks at all that a case has left, when nothing fails any more.
func (r *s3Run) judge(j *journey) {
	r.t.Helper()
	r.settle(j)
	r.bucket.proxy.On(nil)
	await(r.ctx, r.t, "all calls are over", func() bool {
		return !slices.ContainsFunc(r.bucket.proxy.Calls(), func(c s3test.Call) bool { return !c.Over })
	})
	r.settle(j) // the last of them may have been one to be killed at
	for _, id := range slices.Sorted(maps.Keys(j.finished)) {
		r.wantFinished(j, id)
	}
	for _, rec := range r.bucket.records(r.t) {
		if !r.judged[objectOf(rec.ID)] {
			r.judged[objectOf(rec.ID)] = true
			r.wantTrue(j, rec)
		}
	}
	for id := range r.server.delivered(r.t) {
		if !r.bucket.sealed(id) && !j.removed[id] && !r.judged[objectOf(id)] {
			r.t.Errorf("%s was announced, and never finished", id)
		}
	}
	for id := range j.removed {
		r.judged[objectOf(id)] = true
	}
	r.bucket.wantNoneDead(r.t)
	wantNoNames(r.t, r.server.data)
	if !r.server.alive() {
		r.t.Error("the server has ended")
	}
}

// settle waits until no event waits, but for those of uploads of which nobody has heard, and which were never stored.
func (r *s3Run) settle(j *journey) {
	r.t.Helper()
	var waiting map[string]bool
	await(r.ctx, r.t, "no event waits", func() bool {
		if j.killed != nil && !r.server.alive() {
			j.revive()
		}
		waiting = r.bucket.waiting(r.t)
		for id := range waiting {
			if _, heard := j.finished[id]; heard || r.bucket.sealed(id) {
				return false
			}
		}
		return true
	})
	for id := range waiting {
		if _, known := j.acknowledged[id]; known {
			r.t.Errorf("the event of %s waits, though the upload was never finished", id)
		}
	}
	r.strays = waiting
}

// wantFinished wants an upload of which a success was heard to be there, whole, with its event.
func (r *s3Run) wantFinished(j *journey, id string) {
	r.t.Helper()
	client, content := newTus(r.ctx, r.server.files), j.finished[id]
	announced := func() bool { return r.server.events()[id] > 0 }
	switch {
	case j.partial[id]:
		if a := client.head(id); a.status != 200 || a.offset() != int64(len(content)) {
			r.t.Errorf("HEAD of a part: %v with offset %d, want %d", a, a.offset(), len(content))
		}
		if announced() {
			r.t.Errorf("the part %s was announced", id)
		}
		return
	case j.removed[id]:
		if a := client.head(id); a.status != 404 || r.bucket.sealed(id) {
			r.t.Errorf("HEAD of an upload that was removed: %v; its object is there: %v", a, r.bucket.sealed(id))
		}
	default:
		if !r.bucket.sealed(id) {
			r.t.Errorf("a success was heard of %s, and there is no object", id)
			return
		}
		client.mustHead(r.t, id, int64(len(content)))
		client.mustGet(r.t, id, content)
	}
	await(r.ctx, r.t, "the event of "+id+" is delivered", announced)
	if e := r.server.delivered(r.t)[id]; e.Data.Size != int64(len(content)) {
		r.t.Errorf("the event of %s says %d bytes of %d", id, e.Data.Size, len(content))
	}
}

// wantTrue wants an upload, of which perhaps nobody has heard, to be announced if and only if it is finished, and to be what was sent.
func (r *s3Run) wantTrue(j *journey, rec record) {
	r.t.Helper()
	sealed := r.bucket.sealed(rec.ID)
	if sealed && !r.sent["sha256:"+r.bucket.sum(r.t, rec.ID)] {
		r.t.Errorf("the object of %s has bytes that nobody has sent", rec.ID)
	}
	_, heard := j.finished[rec.ID]
	switch announced := r.server.events()[rec.ID] > 0; {
	case announced && (!sealed || rec.IsPartial):
		r.t.Errorf("%s was announced; its object is there: %v, it is a part: %v", rec.ID, sealed, rec.IsPartial)
	case sealed && !rec.IsPartial && !heard:
		await(r.ctx, r.t, "the event of "+rec.ID+" is delivered", func() bool { return r.server.events()[rec.ID] > 0 })
	}
}
