package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"plateau/store"
	"plateau/store/disk"
	"plateau/store/memorylock"
)

// lockWait is how long a request waits for another one to let go of an upload.
// tus-js-client tries a 423 four times in 9 s.
const lockWait = 10 * time.Second

// tusd is tusd's handler, a method each.
type tusd struct {
	post, head, patch, delete http.Handler
	extensions                string // for Tus-Extension
	metrics                   handler.Metrics
}

// newTusd sets tusd's handler up over a store. Of tusd's features those are
// off that the server does itself, or better: CORS, downloads, deadlines (see
// response), notifications (lost in a crash), its logger.
func newTusd(uploads *disk.Store, locker *memorylock.Locker, maxSize int64) (*tusd, error) {
	composer := handler.NewStoreComposer()
	uploads.UseIn(composer)
	composer.UseCore(guarded{uploads})
	composer.UseLocker(locker)
	h, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer:   composer,
		BasePath:        filesPath,
		MaxSize:         maxSize,
		DisableDownload: true,
		Cors:            &handler.CorsConfig{Disable: true},
		Logger:          slog.New(silent{}),
		// tusd keeps two goroutines and a timer for each request for this long
		// after it has ended. Our stores detach their contexts themselves.
		GracefulRequestCompletionTimeout: time.Millisecond,
		AcquireLockTimeout:               lockWait,
		NetworkTimeout:                   time.Hour, // see response
	})
	if err != nil {
		return nil, err
	}
	return &tusd{
		post:   h.Middleware(http.HandlerFunc(h.PostFile)),
		head:   h.Middleware(http.HandlerFunc(h.HeadFile)),
		patch:  h.Middleware(http.HandlerFunc(h.PatchFile)),
		delete: h.Middleware(http.HandlerFunc(h.DelFile)),
		// TUSKit splits the list at "," and keeps spaces.
		extensions: strings.ReplaceAll(h.SupportedExtensions(), " ", ""),
		metrics:    h.Metrics,
	}, nil
}

// guarded is the store as tusd sees it: it refuses a body for an upload that
// has all its bytes, which tusd would answer with 204, the body unread.
type guarded struct{ handler.DataStore }

// GetUpload is part of handler.DataStore.
func (g guarded) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := g.DataStore.GetUpload(ctx, id)
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if err != nil || !ok || x.request.Method != http.MethodPatch || x.response.body == nil {
		return u, err
	}
	info, err := u.GetInfo(ctx)
	if err != nil {
		return nil, err
	}
	complete := !info.SizeIsDeferred && info.Offset == info.Size && !info.IsFinal
	if complete && x.request.Offset == info.Offset && x.response.body.hasBytes() {
		return nil, store.TooLong()
	}
	return u, nil
}

// silent is a handler for tusd's logger, which is not log/slog. The server
// writes one line for each request itself.
type silent struct{}

func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }
