"""What learns from rows and their places on a map: encoders, decoders, and the student of both."""

from sksubspace._student._groups import Forget, check_groups
from sksubspace._student._learning import learn_student, student_seed
from sksubspace._student._linear import LinearEncoder
from sksubspace._student._median import MedianEncoder
from sksubspace._student._ridge import FourierRidge
from sksubspace._student._scaling import FeatureScale, LatentScale
from sksubspace._student._student import LeftOut, Student, StudentPlan

__all__ = [
    "FeatureScale",
    "Forget",
    "FourierRidge",
    "LatentScale",
    "LeftOut",
    "LinearEncoder",
    "MedianEncoder",
    "Student",
    "StudentPlan",
    "check_groups",
    "learn_student",
    "student_seed",
]
