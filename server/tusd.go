package server

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"plateau/store"
	"plateau/store/memorylock"
)

// lockWait is how long a request waits for another one to let go of an upload.
// tus-js-client tries a 423 four times in 9 s.
const lockWait = 10 * time.Second

// tusd is tusd's handler. Its middleware is not used: the server does what it
// would do, and its frame would lie on the stack of every upload that waits.
type tusd struct{ *handler.UnroutedHandler }

// newTusd sets tusd's handler up over a store. Of tusd's features those are
// off that the server does itself, or better: CORS, downloads, deadlines (see
// response), notifications (lost in a crash), its logger.
func newTusd(s *Server, uploads uploadStore, locker *memorylock.Locker, maxSize int64) (*tusd, error) {
	composer := handler.NewStoreComposer()
	uploads.UseIn(composer)
	composer.UseCore(guarded{uploads, s})
	composer.UseLocker(patient{locker})
	h, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer:                    composer,
		BasePath:                         filesPath,
		MaxSize:                          maxSize,
		DisableDownload:                  true,
		Cors:                             &handler.CorsConfig{Disable: true},
		Logger:                           slog.New(silent{}),
		GracefulRequestCompletionTimeout: time.Millisecond, // see serve
		AcquireLockTimeout:               lockWait,         // see patient
		NetworkTimeout:                   time.Hour,        // see response
	})
	if err != nil {
		return nil, err
	}
	return &tusd{h}, nil
}

// count counts a request, as tusd's middleware would.
func (t *tusd) count(method string) {
	if n := t.Metrics.RequestsTotal[method]; n != nil {
		atomic.AddUint64(n, 1)
	}
}

// serve lets a method of tusd's handler serve r, under a context that has
// ended. tusd keeps two goroutines for each request to watch its context: to
// cut the body, and to give the store some time after the client has left. The
// body cuts itself, and stores don't stop with the client; so both goroutines
// may end at once, which saves a waiting upload a fifth of its memory.
func (t *tusd) serve(method http.HandlerFunc, x *exchange, r *http.Request) {
	x.ended = true
	method(&x.response, r)
}

// patient is a locker for requests whose context says nothing, see serve.
type patient struct{ *memorylock.Locker }

// NewLock is part of handler.Locker.
func (p patient) NewLock(id string) (handler.Lock, error) {
	lock, err := p.Locker.NewLock(id)
	return patientLock{lock}, err
}

type patientLock struct{ lock handler.Lock }

// Lock is part of handler.Lock. It waits for lockWait, whatever ctx says.
func (l patientLock) Lock(ctx context.Context, requestUnlock func()) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockWait)
	defer cancel()
	return l.lock.Lock(ctx, requestUnlock)
}

// Unlock is part of handler.Lock.
func (l patientLock) Unlock() error { return l.lock.Unlock() }

// guarded is the store as tusd sees it. It refuses a body for an upload that has
// all its bytes, which tusd would answer with 204, the body unread; and it lets
// a length be declared again, which tusd would refuse.
type guarded struct {
	handler.DataStore
	server *Server
}

// GetUpload is part of handler.DataStore.
func (g guarded) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := g.DataStore.GetUpload(ctx, id)
	if denied := permitOpened(ctx, id, u, err); denied != nil {
		return nil, denied
	}
	if err == nil {
		err = pastEnd(ctx, u)
	}
	if err == nil {
		err = declaredAgain(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	note(ctx, u)
	return u, nil
}

// permitOpened asks again whether whoever sends the request may use the upload, which a
// store that can't open it could not ask; failure is what the store said. Of a
// concatenation it notes whose the parts are, which must be one owner's.
func permitOpened(ctx context.Context, id string, u handler.Upload, failure error) error {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	if failure != nil {
		return x.permitUnread(ctx, id, failure)
	}
	info, err := u.GetInfo(ctx)
	switch {
	case err != nil:
		return err
	case info.Storage == nil: // it is opened to have it removed, and couldn't be read
		return x.permitUnread(ctx, id, nil)
	case x.request.Creates():
		return x.notePart(info)
	}
	return x.Permit(info)
}

// pastEnd returns the answer to a PATCH that brings bytes to an upload that has
// them all, or a broken body.
func pastEnd(ctx context.Context, u handler.Upload) error {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || x.request.Method != http.MethodPatch || x.response.body == nil {
		return nil
	}
	info, err := u.GetInfo(ctx)
	if err != nil || info.SizeIsDeferred || info.Offset != info.Size || info.IsFinal || x.request.Offset != info.Offset {
		return err
	}
	if x.response.body.hasBytes() {
		return store.TooLong()
	}
	return x.response.body.Err()
}

// declaredAgain drops the Upload-Length of a PATCH if the upload has that length
// already. A client whose PATCH broke off after it had declared the length can't
// know whether it was heard, and gives up at a 400.
func declaredAgain(ctx context.Context, u handler.Upload) error {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || x.request.Method != http.MethodPatch || x.header.Get("Upload-Length") == "" {
		return nil
	}
	info, err := u.GetInfo(ctx)
	if err == nil && !info.SizeIsDeferred && x.header.Get("Upload-Length") == strconv.FormatInt(info.Size, 10) {
		x.header.Del("Upload-Length")
	}
	return err
}

// silent is a handler for tusd's logger, which is not log/slog. The server
// writes one line for each request itself.
type silent struct{}

func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }
