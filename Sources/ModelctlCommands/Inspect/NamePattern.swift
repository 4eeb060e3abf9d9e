internal import ArgumentParser
internal import Foundation

/// A shell pattern for names: `*`, `?` and `[…]`; a star goes past slashes too.
struct NamePattern: Hashable, ExpressibleByArgument {
  let text: String

  init(argument: String) { text = argument }

  func matches(_ name: String) -> Bool { fnmatch(text, name, 0) == 0 }
}

extension [NamePattern] {
  /// Whether one of the patterns matches the name.
  func match(_ name: String) -> Bool { contains { $0.matches(name) } }
}
