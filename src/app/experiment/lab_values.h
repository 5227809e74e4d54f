// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace quantscope {

/// One value a lab, each of a type of its own: the labs' parts of an experiment, or where a person looks in
/// each. A value as a whole: copies are deep, two are equal when they hold equal values for the same labs.
/// `T::kLab` is the id of the lab that T belongs to; T has equality.
class LabValues {
 public:
    LabValues() = default;
    LabValues(LabValues&&) = default;
    LabValues& operator=(LabValues&&) = default;
    ~LabValues() = default;
    LabValues(const LabValues& other) {
        for (const auto& [lab, held] : other.m_held) m_held.emplace(lab, held->clone());
    }
    LabValues& operator=(const LabValues& other) {
        if (this != &other) *this = LabValues(other);
        return *this;
    }

    [[nodiscard]] bool contains(std::string_view lab) const { return m_held.find(lab) != m_held.end(); }
    template <class T>
    [[nodiscard]] bool has() const {
        return find<T>() != nullptr;
    }

    /// The value of T's lab; T's defaults when there is none.
    template <class T>
    [[nodiscard]] const T& get() const {
        static const T kDefault;
        const T* found = find<T>();
        return found == nullptr ? kDefault : *found;
    }

    /// The value of T's lab to change in place, put in with T's defaults when there was none.
    template <class T>
    T& edit() {
        auto& held = m_held[T::kLab];
        if (dynamic_cast<HeldValue<T>*>(held.get()) == nullptr) held = std::make_unique<HeldValue<T>>();
        return static_cast<HeldValue<T>&>(*held).value;
    }

    template <class T>
    void set(const T& value) {
        m_held[T::kLab] = std::make_unique<HeldValue<T>>(value);
    }

    bool operator==(const LabValues& other) const {
        if (m_held.size() != other.m_held.size()) return false;
        for (const auto& [lab, held] : m_held) {
            const auto it = other.m_held.find(lab);
            if (it == other.m_held.end() || !held->equals(*it->second)) return false;
        }
        return true;
    }

 private:
    struct Held {
        virtual ~Held() = default;
        [[nodiscard]] virtual std::unique_ptr<Held> clone() const = 0;
        [[nodiscard]] virtual bool equals(const Held& other) const = 0;
    };
    template <class T>
    struct HeldValue final : Held {
        HeldValue() = default;
        explicit HeldValue(const T& held) : value(held) {}
        [[nodiscard]] std::unique_ptr<Held> clone() const override {
            return std::make_unique<HeldValue>(value);
        }
        [[nodiscard]] bool equals(const Held& other) const override {
            const auto* same = dynamic_cast<const HeldValue*>(&other);
            return same != nullptr && value == same->value;
        }
        T value{};
    };

    template <class T>
    [[nodiscard]] const T* find() const {
        const auto it = m_held.find(std::string_view(T::kLab));
        if (it == m_held.end()) return nullptr;
        const auto* held = dynamic_cast<const HeldValue<T>*>(it->second.get());
        return held == nullptr ? nullptr : &held->value;
    }

    std::map<std::string, std::unique_ptr<Held>, std::less<>> m_held;
};

}  // namespace quantscope
