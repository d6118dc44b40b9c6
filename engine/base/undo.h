#pragma once

#include <functional>
#include <vector>

namespace berth {

// Steps that take back what a half-done operation did: run last to first on destruction, unless kept.
// A step must not throw; what it cannot undo it logs.
class UndoStack {
 public:
    UndoStack() = default;
    UndoStack(const UndoStack&) = delete;
    UndoStack& operator=(const UndoStack&) = delete;
    ~UndoStack();

    void push(std::function<void()> step) { steps_.push_back(std::move(step)); }
    // The operation succeeded: forget the steps.
    void keep() { steps_.clear(); }

 private:
    std::vector<std::function<void()>> steps_;
};

}  // namespace berth
