#pragma once

#include <span>

#include "engine/state/sqlite.h"

namespace berth::state {

// Brings the tables of every schema up to date, each migration in its own transaction. kDataLoss when the
// file is damaged; kConflict, with nothing changed, when a newer version has written it.
Result<> migrate(SqliteConnection& connection, std::span<const Schema> schemas);

}  // namespace berth::state
