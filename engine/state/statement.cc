#include "engine/state/sqlite.h"

namespace berth::state {

struct Statement::Impl {
    SqliteConnection& connection;
    sqlite3* handle;
    sqlite3_stmt* statement;
    std::string sql;
    int bind_error = SQLITE_OK;

    ~Impl() { connection.recycle(std::move(sql), statement); }
    void note(int code) {
        if (code != SQLITE_OK && bind_error == SQLITE_OK) bind_error = code;
    }
};

Statement::Statement(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Statement::Statement(Statement&&) noexcept = default;
Statement::~Statement() = default;

Result<Statement> SqliteConnection::prepare(std::string_view sql) {
    std::string text(sql);
    sqlite3_stmt* statement = nullptr;
    if (auto found = idle_.find(text); found != idle_.end()) {
        statement = found->second;
        idle_.erase(found);
    } else if (sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
        return sqlite_failure(handle_, "database");
    }
    if (statement == nullptr) return fail(ErrorKind::kInternal, "database: empty statement");
    return Statement(
        std::unique_ptr<Statement::Impl>(new Statement::Impl{*this, handle_, statement, std::move(text)}));
}

Statement& Statement::bind(int index, std::string_view text) {
    // A null pointer would bind NULL, not the empty text.
    const char* data = text.data() != nullptr ? text.data() : "";
    impl_->note(
        sqlite3_bind_text64(impl_->statement, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
    impl_->note(sqlite3_bind_int64(impl_->statement, index, number));
    return *this;
}

Statement& Statement::bind_null(int index) {
    impl_->note(sqlite3_bind_null(impl_->statement, index));
    return *this;
}

Result<bool> Statement::step() {
    if (impl_->bind_error != SQLITE_OK) {
        return fail(ErrorKind::kInternal,
                    std::string("database: bind: ") + sqlite3_errstr(impl_->bind_error));
    }
    int code = sqlite3_step(impl_->statement);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    Failure failure = sqlite_failure(impl_->handle, "database");
    sqlite3_reset(impl_->statement);
    return failure;
}

Result<> Statement::run() {
    BERTH_TRY(bool row, step());
    if (row) return fail(ErrorKind::kInternal, "database: a statement that was run gives rows");
    // Ready for the next set of parameters.
    sqlite3_reset(impl_->statement);
    return {};
}

std::string Statement::text(int column) const {
    const unsigned char* data = sqlite3_column_text(impl_->statement, column);
    if (data == nullptr) return {};
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(impl_->statement, column));
    return {reinterpret_cast<const char*>(data), size};
}

std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(impl_->statement, column);
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(impl_->statement, column) == SQLITE_NULL;
}

}  // namespace berth::state
