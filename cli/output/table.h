#pragma once

#include <string>
#include <vector>

namespace berth::cli {

// Rows of cells in aligned columns, three blanks apart, the last column ragged: what `docker ps` prints.
class Table {
 public:
    explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;

 private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace berth::cli
