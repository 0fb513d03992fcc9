package server

import (
	"github.com/tus/tusd/v2/pkg/handler"
)

// mayCreate asks, in this order, all that may refuse a new upload, before anything of it
// exists: how fast its owner creates, and the policy, which may change info. Then the store
// asks the quotas.
func (s *Server) mayCreate(x *exchange, info handler.FileInfo) (changed handler.FileInfo, err error) {
	if err := s.creationRate(x); err != nil {
		return info, err
	}
	return s.askPolicy(x, info)
}
