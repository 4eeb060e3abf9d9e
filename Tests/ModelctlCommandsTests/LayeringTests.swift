import Foundation
import TestSupport
import Testing

/// The rules of the house that the manifest alone cannot hold.
@Suite struct LayeringTests {
  private static let sources = JSONSchema.folder.deletingLastPathComponent()
    .appendingPathComponent("Sources")

  /// The modules that each target's files import.
  private func imports(of target: String) throws -> Set<String> {
    let folder = Self.sources.appendingPathComponent(target)
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    var modules: Set<String> = []
    while let url = files?.nextObject() as? URL {
      guard url.pathExtension == "swift" else { continue }
      for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        if let index = words.firstIndex(of: "import"), index < 3, index + 1 < words.count {
          modules.insert(String(words[index + 1]))
        }
      }
    }
    return modules
  }

  private func targets() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Self.sources.path).sorted()
  }

  @Test(arguments: [
    ("CHDF5", ["HDF5"]), ("COneDNN", ["OneDNN"]), ("CZip", ["Zip"]), ("CZlib", ["Zip"]),
    ("CDeflate", ["Zip"]), ("CKernels", ["Engine", "OneDNN"]),
  ])
  func aCLibraryIsKnownToItsWrapperOnly(_ library: String, wrappers: [String]) throws {
    let users = try targets().filter { try imports(of: $0).contains(library) }
    #expect(!users.isEmpty && Set(users).isSubset(of: wrappers))
  }

  @Test(arguments: [
    ("Evidence", "Unlearning"), ("Auditing", "Unlearning"), ("Auditing", "Checkpoints"),
    ("Tuning", "Checkpoints"), ("Engine", "HDF5"), ("Engine", "Checkpoints"),
    ("Unlearning", "HDF5"), ("Unlearning", "Checkpoints"), ("Checkpoints", "Engine"),
    ("Conversion", "Engine"), ("ModelCore", "Engine"), ("Zip", "ModelCore"), ("HDF5", "ModelCore"),
    ("Comparison", "Checkpoints"), ("Comparison", "Conversion"), ("Comparison", "HDF5"),
    ("Checkpoints", "Comparison"), ("Conversion", "Comparison"),
  ])
  func aTargetDoesNotKnowAnother(_ target: String, other: String) throws {
    let modules = try imports(of: target)
    #expect(!modules.isEmpty)
    #expect(!modules.contains(other))
  }

  #if os(Linux)
    /// To load them would take a large part of the time in which a file is shown.
    @Test(arguments: ["libdnnl", "libzip"])
    func theProgramStartsWithout(_ library: String) throws {
      // The loader lists what it would load, and runs nothing.
      let libraries = try Tool.run(environment: ["LD_TRACE_LOADED_OBJECTS": "1"]).output
      #expect(libraries.contains("libc.so"))
      #expect(!libraries.contains(library))
    }
  #endif

  @Test func nothingInTheSourcesTrapsOnPurpose() throws {
    let files = FileManager.default.enumerator(at: Self.sources, includingPropertiesForKeys: nil)
    while let url = files?.nextObject() as? URL {
      guard url.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: url, encoding: .utf8)
      for word in ["fatalError(", "try!", " as! ", "unsafeFlags"] {
        #expect(!text.contains(word), "\(url.lastPathComponent)")
      }
    }
  }
}
