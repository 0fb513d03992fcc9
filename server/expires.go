package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// NewUpload is part of handler.DataStore.
func (g guarded) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return g.DataStore.NewUpload(ctx, info)
	}
	info, err := g.server.mayCreate(x, info)
	if err != nil {
		return nil, err
	}
	u, err := g.DataStore.NewUpload(ctx, info)
	if err == nil {
		note(ctx, u)
	}
	return u, err
}

// setExpires says when an unfinished upload will be removed if no byte comes
// any more (tus: Expiration).
func (w *response) setExpires() {
	if u, ok := w.upload.(store.Expiring); ok {
		if at, expires := u.Expires(); expires {
			w.Header().Set("Upload-Expires", at.UTC().Format(http.TimeFormat))
		}
	}
}

// extensions is for Tus-Extension. TUSKit splits it at "," and keeps spaces.
func (s *Server) extensions() string {
	all := strings.ReplaceAll(s.tusd.SupportedExtensions(), " ", "")
	if s.cfg.ExpireAfter > 0 {
		all += ",expiration"
	}
	return all
}
