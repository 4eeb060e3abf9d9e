public import HDF5
public import ModelCore
public import Zip

/// Something that is wrong with a checkpoint, or with the place where one should go.
///
/// Messages name files, weights, splits and row numbers, never a sample, a label or a weight's
/// value.
public struct CheckpointError: Error, Hashable, Sendable {
  /// What kind of trouble it is, and so what a user can do about it.
  public enum Kind: String, Sendable {
    /// There is no such file.
    case notFound
    /// The file is damaged, hostile, or not what was asked for.
    case badInput
    /// Another process holds the file; trying again later may work.
    case locked
    /// The new file cannot be made where it was asked for.
    case cannotCreate
    /// The disk, or a quota, is full; trying again later may work.
    case noSpace
    /// The operating system failed to read or write.
    case io

    /// The exit status of a command that ends with this (`sysexits.h`).
    public var exitCode: Int32 {
      switch self {
      case .badInput: 65
      case .notFound: 66
      case .cannotCreate: 73
      case .io: 74
      case .locked, .noSpace: 75
      }
    }
  }

  public enum Problem: Hashable, Sendable {
    case file(HDF5Error)
    /// The archive around an HDF5 file, or the place of a new file.
    case archive(FileError)
    case configuration(KerasConfigurationError)
    case architecture(ArchitectureError)
    /// The file holds neither a model nor samples.
    case notACheckpoint(hint: String?)
    /// It is of another kind that is known by sight.
    case stranger(Stranger)
    case newerVersion(found: String, supported: String)
    /// Something is not as the format says; `object` is a path inside the file.
    case malformed(object: String, expected: String, found: String)
    /// The name of a new file promises another flavour than it would have.
    case otherFlavour(CheckpointFlavour)
    /// Nothing says where a weight belongs in another flavour.
    case noPlace(weight: String, layer: String, className: String?)
    /// A layer keeps something in a file of its own, and the other flavour has no place for it.
    case asset(String)
    case noArchitecture
    /// One was given for a file that has its own.
    case hasArchitecture
    case missingWeight(ParameterName, shape: Shape)
    case unexpectedWeight(String)
    case ambiguousWeight(ParameterName)
    case weightShape(ParameterName, expected: Shape, found: Shape)
    case notFinite(ParameterName)
    /// A new value is beyond what the weight's stored type can hold.
    case overflow(ParameterName, ElementType)
    case unknownSplit(String)
    case rows(split: String, count: Int)
    case classOutOfRange(split: String, row: Int, classCount: Int)
    case duplicateIdentifier(split: String, row: Int, otherSplit: String)
    /// What was written does not read back as it should.
    case verification(object: String)
    case io(reason: String)
  }

  /// The file.
  public let path: String
  public let problem: Problem

  public init(_ path: String, _ problem: Problem) {
    self.path = path
    self.problem = problem
  }

  public var kind: Kind {
    switch problem {
    case .file(let error): Kind(error.kind)
    case .archive(let error): Kind(error.kind)
    case .otherFlavour: .cannotCreate
    case .io, .verification: .io
    default: .badInput
    }
  }
}

extension CheckpointError.Kind {
  init(_ kind: HDF5Error.Kind) {
    switch kind {
    case .notFound: self = .notFound
    case .badInput: self = .badInput
    case .locked: self = .locked
    case .cannotCreate: self = .cannotCreate
    case .noSpace: self = .noSpace
    case .io: self = .io
    }
  }
}

extension CheckpointError.Kind {
  init(_ kind: FileError.Kind) {
    switch kind {
    case .notFound: self = .notFound
    case .badInput: self = .badInput
    case .cannotCreate: self = .cannotCreate
    case .tryAgain: self = .noSpace
    case .io: self = .io
    }
  }
}

extension CheckpointError: CustomStringConvertible {
  public var description: String {
    switch problem {
    // The wrapper's own sentence names the file already.
    case .file(let error): error.description
    case .archive(let error): error.description
    case .io(let reason): "cannot write \(Quoted(path)): \(reason)"
    default: "\(Quoted(path)): \(sentence)"
    }
  }

  private var sentence: String {
    switch problem {
    case .configuration(let error): Quoted.escaped(error.description)
    case .architecture(let error): Quoted.escaped(error.description)
    case .notACheckpoint(let hint):
      "it holds neither a Keras model nor modelctl splits" + (hint.map { " (\($0))" } ?? "")
    case .stranger(let stranger): "it is \(stranger.kind); \(stranger.remedy)"
    case .newerVersion(let found, let supported):
      "its format is version \(Quoted.escaped(found)); this program reads up to \(supported), "
        + "so a newer modelctl is needed"
    case .malformed(let object, let expected, let found):
      "\(Quoted(object)): expected \(expected), found \(Quoted.escaped(found))"
    case .noArchitecture:
      "it holds weights but no architecture; give it one with --architecture model.json, which "
        + "Keras writes by model.to_json()"
    case .otherFlavour(let flavour):
      "a file is written in the flavour it was read in; give this one a name that ends in "
        + "\(flavour.fileExtension), or convert it with 'modelctl export'"
    case .noPlace(let weight, let layer, let className):
      "layer \(Quoted(layer))\(className.map { " of the class \(Quoted($0))" } ?? "") cannot be "
        + "converted: only its class knows where another flavour keeps the weight "
        + "\(Quoted(weight)); give the output the input's flavour, or load the file in Keras and "
        + "save it there"
    case .asset(let name):
      "a layer keeps what it needs in \(Quoted(name)), which an .h5 has no place for; give the output "
        + "a name that ends in .keras"
    case .hasArchitecture: "it has an architecture of its own; leave --architecture out"
    case .rows(let split, let count): "split \(Quoted(split)) has rows 0 to \(count - 1) only"
    case .unknownSplit(let name): "it has no split \(Quoted(name))"
    case .classOutOfRange(let split, let row, let count):
      "split \(Quoted(split)), row \(row): expected a class from 0 to \(count - 1)"
    case .duplicateIdentifier(let split, let row, let other):
      "split \(Quoted(split)), row \(row): its id occurs before, in split \(Quoted(other)); "
        + "ids are unique over all splits"
    case .verification(let object):
      "\(Quoted(object)) did not read back as it was written; nothing was replaced"
    case .io(let reason): reason
    default: weightSentence
    }
  }

  private var weightSentence: String {
    switch problem {
    case .missingWeight(let name, let shape):
      "weight \(Quoted(name.description)) of shape \(shape) is missing"
    case .unexpectedWeight(let name): "weight \(Quoted(name)) belongs to no layer of the network"
    case .ambiguousWeight(let name): "two weights are named \(Quoted(name.description))"
    case .weightShape(let name, let expected, let found):
      "weight \(Quoted(name.description)): expected the shape \(expected), found \(found)"
    case .notFinite(let name):
      "weight \(Quoted(name.description)) holds a NaN or an infinity"
    case .overflow(let name, let type):
      "weight \(Quoted(name.description)): a new value does not fit its type, \(type.rawValue)"
    default: ""
    }
  }
}

extension CheckpointError {
  /// Runs a piece of work on a file and gives what it throws the file's name.
  ///
  /// Errors of other kinds, such as an interruption, pass unchanged.
  public static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as HDF5Error {
      throw CheckpointError(path, .file(error))
    } catch let error as FileError {
      throw CheckpointError(path, .archive(error))
    } catch let error as JSONError {
      throw CheckpointError(
        path, .malformed(object: "/", expected: "JSON", found: error.description))
    } catch let error as ArchitectureError {
      throw CheckpointError(path, .architecture(error))
    } catch let error as ShapeError {
      throw CheckpointError(
        path, .malformed(object: "/", expected: "sizes that fit", found: error.description))
    }
  }
}
